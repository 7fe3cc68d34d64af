"""How numbers are spread, as shapes of a drawing."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.report.chart import BOTTOM, LEFT, RIGHT, Mark
from nemo_sdg.report.scale import count_ticks, nice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Words = Callable[[float], str]
    Place = Callable[[float], float]
    Bin = tuple[float, float, int]

TOP = 26.0
"""Of the bars: above them are the names of the lines."""
_NAMES = (20.0, 10.5, 20.0)
"""Heights of those names; neighbours lie apart."""
_MOST_BARS = 32
_WIDE = 40
"""Ratio of the largest to the smallest value above which the axis is logarithmic."""
_PER_DOUBLING = (8, 4, 2, 1, 0.5, 0.25)
_TICKS = 6
_SHARES = (50, 95, 99)


class Bar(NamedTuple):
    """The numbers within some bounds."""

    x: float
    y: float
    width: float
    height: float
    words: str


class Histogram(NamedTuple):
    """The shapes, in units of a drawing as large as a `Chart`."""

    title: str
    words: str
    """The percentiles."""
    bars: list[Bar]
    across: list[Mark]
    up: list[Mark]
    lines: list[tuple[float, float, str]]
    """Of percentiles: place, height of the name, name."""


def of_values(title: str, values: Sequence[float], words: Words) -> Histogram | None:
    """Draw `values`, none of them below 0, with the numbers in `words`; None of no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    places = {share: ordered[math.ceil(share / 100 * len(ordered)) - 1] for share in _SHARES}
    low, high = ordered[0], ordered[-1]
    if low == high:
        return Histogram(title, f"all are {words(low)}", [], [], [], [])
    if high > _WIDE * max(1.0, low):
        return of_bins(title, [(value, value, 1) for value in ordered], places, words)
    step = max(1.0, nice((high - low) / _MOST_BARS))
    start = math.floor(low / step) * step
    counted = Counter(math.floor((value - start) / step) for value in ordered)
    bins = [(start + key * step, start + (key + 1) * step, number) for key, number in sorted(counted.items())]
    edges = (bins[0][0], bins[-1][1])

    def x(value: float) -> float:
        return (value - edges[0]) / (edges[1] - edges[0])

    gap = max(1.0, nice((edges[1] - edges[0]) / _TICKS))
    first = math.ceil(edges[0] / gap)
    ticks = [gap * number for number in range(first, math.floor(edges[1] / gap + 1e-9) + 1)]
    return _drawn(title, bins, x, ticks, places, words)


def of_bins(title: str, bins: Sequence[Bin], places: dict[int, float], words: Words) -> Histogram | None:
    """Draw `bins`, each with its bounds and number, on a logarithmic axis; `places` are the percentiles."""
    if not bins:
        return None
    low = max(1e-6, min(bounds[0] for bounds in bins))
    if all(below == above for below, above, _ in bins):  # single numbers: from 1 on, with all of 0 there
        low = max(1.0, low)
    high = max(low * 1.01, *(bounds[1] for bounds in bins))
    doublings = math.log2(high / low)
    per = next((per for per in _PER_DOUBLING if doublings * per <= _MOST_BARS), _PER_DOUBLING[-1])
    counted = Counter[int]()
    for below, above, number in bins:
        middle = math.sqrt(max(low, below) * max(low, above))
        counted[math.floor(math.log2(middle / low) * per + 1e-9)] += number
    made = [
        (low * 2 ** (key / per), low * 2 ** ((key + 1) / per), number)
        for key, number in sorted(counted.items())
    ]
    edges = (made[0][0], made[-1][1])

    def x(value: float) -> float:
        return math.log(max(edges[0], value) / edges[0]) / math.log(edges[1] / edges[0])

    return _drawn(title, made, x, _log_ticks(*edges), places, words)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return round numbers between the bounds, `_TICKS` at most."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) <= _TICKS:
            break
    return found[:: math.ceil(len(found) / _TICKS)] if found else [low, high]


def _drawn(  # noqa: PLR0917 - what is drawn, each thing once
    title: str, bins: Sequence[Bin], x: Place, ticks: Sequence[float], places: dict[int, float], words: Words
) -> Histogram:
    def at(value: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, x(value))), 1)

    def bar(low: float, high: float, number: int) -> Bar:
        height = round(max(0.6, number * scale), 1)
        width = round(max(0.8, at(high) - at(low) - 0.6), 1)
        said = f"{words(low)} to {words(high)}: {number:,}"
        return Bar(at(low), round(BOTTOM - height, 1), width, height, said)

    numbers = count_ticks(max(number for _, _, number in bins))
    scale = (BOTTOM - TOP) / numbers[-1].value
    return Histogram(
        title,
        ", ".join(f"p{share} {words(value)}" for share, value in places.items()),
        [bar(*one) for one in bins],
        across=[Mark(at(value), words(value)) for value in ticks],
        up=[Mark(round(BOTTOM - tick.value * scale, 1), tick.label) for tick in numbers],
        lines=[
            (place, height, ", ".join(f"p{share}" for share, value in places.items() if at(value) == place))
            for place, height in zip(dict.fromkeys(map(at, places.values())), _NAMES, strict=False)
        ],
    )
