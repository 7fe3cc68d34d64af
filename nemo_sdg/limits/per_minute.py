"""A limit as headers give it, as one per minute. No I/O."""

from __future__ import annotations

from nemo_sdg.limits.durations import seconds_until
from nemo_sdg.limits.seen import SeenLimit

SECOND, MINUTE = 1.0, 60.0
HINTED = 0.0
"""For `period`: a minute, unless the reset is further away."""
UNKNOWN = -1.0
"""For `period`: nothing is known but the reset, and a minute only if that fits no shorter period."""

_A_MINUTE = 61.0  # seconds: a reset that is further away is of a longer period; clocks differ a little
_UNLIMITED = 2.0**31 - 1  # what servers send for "no limit", and above it


def seen_limit(
    limit: str | None, remaining: str | None, reset: str | None, period: float, now: float | None = None
) -> SeenLimit | None:
    """Return the limit, per minute, that three headers tell of a period of so many seconds.

    None when they are absent or cannot be meant: where the limit is 0, -1 or "unlimited", what is said to
    remain of it is of no use either.
    """
    if limit is None and remaining is None:
        return None
    most = None
    if limit is not None:
        most = _number(limit)
        if most is None or not 0 < most < _UNLIMITED:
            return None
    left = _number(remaining) if remaining is not None else None
    if left is not None and not 0 <= left < _UNLIMITED:
        left = None
    until = seconds_until(reset, now) if reset is not None else None
    if most is not None and period != MINUTE:
        most = _per_minute(most, left, until, period)
    return None if most is None and left is None else SeenLimit(most, left, until)


def _per_minute(most: float, left: float | None, until: float | None, period: float) -> float | None:
    if 0 < period <= _A_MINUTE:
        return most * 60 / period
    if period <= 0:
        if until is None:  # what has no name for its period may be of a day
            return most if period == HINTED else None
        if until <= _A_MINUTE:  # and 1 second may be the last of a minute
            return most if period == HINTED or until > 1 else None
    # Of a day's or an hour's limit all may be used in its first minute, until little is left; what then
    # counts is how fast more comes. What two seconds would take, were it a minute's limit, is little.
    if left is None or not left <= max(1.0, most / 30) or left >= most:
        return None
    if period > 0:
        return most * 60 / period
    assert until is not None
    return 60 * (most - left) / until


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
