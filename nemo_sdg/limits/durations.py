"""Lengths of time and moments, as servers write them. No I/O."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = {
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "\N{MICRO SIGN}s", "\N{GREEK SMALL LETTER MU}s"), 1e-6),
    "ns": 1e-9,
}
_PART = r"[0-9]{1,12}(?:\.[0-9]{0,12})? ?(?:" + "|".join(sorted(_SECONDS, key=len, reverse=True)) + ")"
DURATION = rf"{_PART}(?:(?:,? and |, | )?{_PART})*(?!\w)"
"""Pattern of what `duration` reads, numbers without a unit left aside; to be used without regard to case."""
_WHOLE = re.compile(DURATION, re.IGNORECASE)
_PARTS = re.compile(r"([0-9.]+) ?([^\W\d_]+)")

_LONGEST = 64  # characters of a duration or a date
_UNIX = 1e9  # a plain number above this is Unix time
_UNIX_MS = 1e12  # and above this in milliseconds
_NO_TIME = 1e14  # and above this nothing that can be meant


def duration(text: str) -> float | None:
    """Return the seconds of "20", "0.5", "12ms", "7.66s", "6m0s", "1d2h" or "20 seconds"; else None."""
    try:  # most have one part, which this reads at a third of the cost
        if text[-2:] == "ms":
            return _positive(float(text[:-2]) / 1000)
        return _positive(float(text[:-1] if text[-1:] == "s" else text))
    except ValueError:
        pass
    text = text.strip()
    if len(text) > _LONGEST or not _WHOLE.fullmatch(text):
        return None
    parts = _PARTS.findall(text.replace(" and ", " "))
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts)


def seconds_until(text: str, now: float | None = None) -> float | None:
    """Return the seconds from `now`, which is Unix time, to what `text` says; None when it says nothing.

    It is a duration, or a moment: Unix time in seconds or milliseconds, RFC 3339, or an HTTP date. A moment
    that has passed is 0 seconds away.
    """
    seconds = None if text[4:5] == "-" else duration(text)
    if seconds is not None:
        if seconds <= _UNIX:
            return seconds
        if seconds > _NO_TIME:
            return None
        moment = seconds / 1000 if seconds > _UNIX_MS else seconds
    else:
        date = _date(text)
        if date is None:
            return None
        moment = date
    return max(0.0, moment - (time.time() if now is None else now))


def _positive(seconds: float) -> float | None:
    return seconds if 0 <= seconds < math.inf else None


def _date(text: str) -> float | None:
    if len(text) > _LONGEST:
        return None
    try:
        date = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        if date.tzinfo is None:  # an HTTP date is always in GMT
            date = date.replace(tzinfo=UTC)
        return date.timestamp()
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
