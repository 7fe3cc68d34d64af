"""How long the server asks to wait, from its headers. No I/O."""

from __future__ import annotations

import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT = 3600.0
"""Seconds: a server that asks for more is asked again after this."""


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds to wait, 0 to `LONGEST_WAIT`, or None when `headers` name none.

    Reads `retry-after-ms` first, then `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3).
    Header names are in lower case or the mapping ignores case. `now` is Unix time.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is None:
        try:
            then = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        if then.tzinfo is None:  # HTTP dates are always in GMT
            then = then.replace(tzinfo=UTC)
        try:
            seconds = then.timestamp() - (time.time() if now is None else now)
        except (OverflowError, OSError, ValueError):
            return None
    return _bounded(seconds)


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and number == number else None  # noqa: PLR0124 - NaN is no number


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)
