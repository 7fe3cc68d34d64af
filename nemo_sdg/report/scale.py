"""Axes with numbers that people can read."""

from __future__ import annotations

import math
from typing import NamedTuple

from nemo_sdg.report.formats import short

_UNITS = (
    (180.0, 1.0, "s", (0.2, 0.5, 1, 2, 5, 10, 20, 30, 60)),
    (3 * 3600.0, 60.0, "min", (1, 2, 5, 10, 15, 20, 30, 60)),
    (3 * 86_400.0, 3600.0, "h", (1, 2, 3, 6, 12, 24)),
)
"""Up to which span a unit is used, its seconds, its name and its steps."""
_DAY = 86_400.0


class Tick(NamedTuple):
    """A mark of an axis."""

    value: float
    label: str


def time_ticks(span: float, most: int = 6) -> list[Tick]:
    """Return marks from 0 to at most `span` seconds, which is above 0: `most` or fewer after the 0.

    Only the last one names the unit, so that they fit beside each other.
    """
    seconds, name, steps = next((unit[1:] for unit in _UNITS if span <= unit[0]), (_DAY, "d", ()))
    least = span / seconds / most
    step = next((step for step in steps if step >= least), None) or nice(least)
    number = math.floor(span / seconds / step + 1e-9)
    return [
        Tick(
            min(span, index * step * seconds),
            f"{round(index * step, 6):g}" + (f" {name}" if index == number else ""),
        )
        for index in range(number + 1)
    ]


def count_ticks(largest: float, most: int = 4) -> list[Tick]:
    """Return marks from 0 to `largest` or more, all whole numbers: `most` or fewer after the 0."""
    step = max(1.0, nice(largest / most))
    number = max(1, math.ceil(largest / step - 1e-9))
    return [Tick(index * step, short(index * step)) for index in range(number + 1)]


def nice(least: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, 50 and so on, or of their tenths, that is not below `least`."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= least), 10 * power)
