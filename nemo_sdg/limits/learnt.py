"""A rate limit that nobody named, learnt from being turned away."""

from __future__ import annotations

import math

from nemo_sdg.limits.recent import Recent

_BACK_OFF = 0.9
"""Of the rate that the endpoint was seen to bear."""
_BACK = 5.0
"""Seconds in which the rate is back at what the endpoint was seen to bear."""
_CAREFUL = 0.01
"""Growth a second beyond that, at first."""
_BOLD = 20.0
"""Seconds beyond that, after which growth is no longer careful: what limited the rate seems to be gone."""
_LEAST = 0.1
"""Requests a second."""
_MEASURED_OVER = 2.0
"""Seconds before a throttle in which successes are counted."""
_ENOUGH = 10.0
"""Times what is sent: a limit that far away is none."""


class LearntRate:
    """Requests a second that an endpoint bears, as far as throttles tell; grows like CUBIC (RFC 9438).

    A burst of throttles cuts the rate once, to a little under what succeeded just before. It returns there
    within seconds, goes on carefully, and ever faster while there are no throttles.
    """

    def __init__(self) -> None:
        self._ceiling: float | None = None
        self._since = 0.0
        self._successes = Recent(_MEASURED_OVER)

    def completed(self, number: int, now: float) -> None:
        """Take note of requests that succeeded since the last call."""
        self._successes.add(now, number)

    def throttled(self, now: float, known: float | None = None, sent: float = 0.0) -> None:
        """Take note of one burst of throttles.

        `known` is the rate that the endpoint is said to bear, `sent` the one at which requests went out.
        """
        (measured,) = self._successes.per_second(now)
        rate = self.at(now) or known
        if self._successes.age(now) < _MEASURED_OVER:  # too soon to say what it bears
            ceiling = rate or max(measured, sent / 2, 1.0)
        elif rate is None:
            ceiling = max(measured, 1.0)
        else:
            ceiling = min(rate, max(measured, rate / 2))
        self._ceiling, self._since = max(ceiling, _LEAST), now

    def at(self, now: float) -> float | None:
        """Return the rate at `now`; None while no limit is known."""
        if self._ceiling is None:
            return None
        waited = now - self._since
        if waited <= _BACK:
            return self._ceiling * (_BACK_OFF + (1 - _BACK_OFF) * waited / _BACK)
        beyond = min(waited - _BACK, 3 * _BOLD)
        return self._ceiling * math.exp(_CAREFUL * beyond + (beyond / _BOLD) ** 3)

    def forget_beyond(self, known: float | None, now: float) -> None:
        """Forget the limit when it is above one that is `known`, or far above what is sent."""
        rate = self.at(now)
        if rate is None:
            return
        (sent,) = self._successes.per_second(now)
        if (known is not None and rate >= known) or (
            now - self._since > _BACK + _BOLD and rate > _ENOUGH * max(sent, 1.0)
        ):
            self._ceiling = None

    def remember(self, rate: float, now: float) -> None:
        """Take over what a predecessor had learnt."""
        self._ceiling, self._since = max(rate, _LEAST), now - _BACK
