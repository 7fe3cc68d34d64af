"""Numbers as people read them: 12,345; 1.2 M; 3 min 20 s; 31 %; 4.56."""

from __future__ import annotations

import math

_MILLION = 1_000_000
UNKNOWN = "-"
"""What stands for a number that is not known."""
_LEAST_MONEY = 1e-6
"""A token costs about as much; less would be a row of zeros."""


def number(value: int) -> str:
    """Return `value` with its thousands apart."""
    return f"{value:,}"


def plural(value: int, noun: str) -> str:
    """Return `value` with `noun`, which takes an s unless `value` is 1."""
    return f"{value:,} {noun}" if value == 1 else f"{value:,} {noun}s"


def short(value: float) -> str:
    """Return `value`, from a million on in millions (M) or in thousands of millions (B)."""
    if value < _MILLION:
        return f"{value:,.0f}" if round(value) < _MILLION else "1.0 M"
    millions = round(value / _MILLION, 1)
    return f"{millions:.1f} M" if millions < 1000 else f"{value / _MILLION / 1000:,.1f} B"  # noqa: PLR2004


def rate(value: float | None) -> str:
    """Return `value`, a number of something in a second; "-" when it is not known."""
    if value is None:
        return UNKNOWN
    if value == 0 or value >= 100:  # noqa: PLR2004 - a digit after the point says nothing any more
        return f"{short(value)}/s"
    return f"{value:.1f}/s" if value >= 1 else f"{value:.2g}/s"


def share(part: float, whole: float) -> str:
    """Return `part` of `whole` in %; 0 and 100 only where they are exact; "-" of nothing."""
    if whole <= 0:
        return UNKNOWN
    percent = 100 * part / whole
    if 0 < percent < 0.1:  # noqa: PLR2004
        return "<0.1 %"
    if 99.9 < percent < 100:  # noqa: PLR2004
        return ">99.9 %"
    precise = percent < 10 or 99 < percent < 100  # noqa: PLR2004 - where a tenth tells something
    return f"{percent:.1f}".removesuffix(".0") + " %" if precise else f"{percent:.0f} %"


def money(value: float) -> str:
    """Return an amount, in the currency of the prices that a user gave; below 1 in four digits."""
    if value <= 0:
        return "0.00"
    if value < _LEAST_MONEY:
        return f"<{_LEAST_MONEY:f}"
    if value >= 1 or not math.isfinite(value):
        return f"{value:,.2f}"
    precise = f"{value:.{3 - math.floor(math.log10(value))}f}".rstrip("0")
    return precise + "0" * (2 - len(precise.partition(".")[2]))


def duration(seconds: float | None) -> str:
    """Return a length of time, given in seconds, in its two largest units; "-" when it is not known."""
    if seconds is None:
        return UNKNOWN
    if seconds <= 0:
        return "0 s"
    if round(seconds, 3) < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    if round(seconds, 1) < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days:,} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
