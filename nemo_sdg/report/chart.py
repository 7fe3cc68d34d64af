"""What is allowed and what is used over time, as shapes of a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.report.scale import count_ticks, time_ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemo_sdg.report.limit_series import Point

    Place = Callable[[float], float]

WIDTH, HEIGHT = 320.0, 156.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 296.0, 10.0, 132.0
"""Edges of the area between the axes."""
_LEAST_SPAN = 1.0
"""Seconds."""
_ALONE = 6
"""Length of the line for a moment that has no neighbour."""


class Mark(NamedTuple):
    """A place on an axis and what stands there."""

    at: float
    label: str


class Band(NamedTuple):
    """A time that is marked from the top of the chart to its bottom."""

    at: float
    width: float


class Chart(NamedTuple):
    """The shapes, in units of a drawing of `WIDTH` by `HEIGHT`; paths are in the language of SVG."""

    used: str
    area: str
    """What lies below `used`."""
    allowed: str
    """A line of steps: an allowance holds until the next moment."""
    pauses: list[Band]
    across: list[Mark]
    up: list[Mark]


def chart(points: Sequence[Point]) -> Chart:
    """Draw `points`, which are in the order of time; where nothing is known the lines have gaps."""
    span = max([_LEAST_SPAN, *(point.elapsed for point in points)])
    seconds = time_ticks(span)
    numbers = count_ticks(max((max(point.allowed or 0, point.used or 0) for point in points), default=0.0))
    top = numbers[-1].value

    def x(elapsed: float) -> float:
        return LEFT + (RIGHT - LEFT) * (elapsed / span)

    def y(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value / top)

    lines = _used(points, x, y)
    return Chart(
        used=" ".join(_path(line) for line in lines),
        area=" ".join(_area(line) for line in lines if len(line) > 1),
        allowed=" ".join(_path(line) for line in _allowed(points, x, y)),
        pauses=_pauses(points, x, span),
        across=[Mark(round(x(tick.value), 1), tick.label) for tick in seconds],
        up=[Mark(round(y(tick.value), 1), tick.label) for tick in numbers],
    )


def _used(points: Sequence[Point], x: Place, y: Place) -> list[list[tuple[float, float]]]:
    lines: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point.used is None:
            lines.append([])
        else:
            lines[-1].append((x(point.elapsed), y(point.used)))
    return [line for line in lines if line]


def _allowed(points: Sequence[Point], x: Place, y: Place) -> list[list[tuple[float, float]]]:
    lines: list[list[tuple[float, float]]] = [[]]
    for point in points:
        here = x(point.elapsed)
        if lines[-1] and lines[-1][-1][0] != here:
            lines[-1].append((here, lines[-1][-1][1]))
        if point.allowed is None:
            lines.append([])
        elif not lines[-1] or lines[-1][-1] != (here, y(point.allowed)):
            lines[-1].append((here, y(point.allowed)))
    return [line for line in lines if line]


def _pauses(points: Sequence[Point], x: Place, span: float) -> list[Band]:
    """Return the times in which nobody could send; of those that overlap, one."""
    found: list[tuple[float, float]] = []
    for point in points:
        if not point.pause:
            continue
        end = min(span, point.elapsed + point.pause)
        if found and point.elapsed <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((point.elapsed, end))
    return [Band(round(x(start), 1), round(x(end) - x(start), 1)) for start, end in found]


def _area(line: list[tuple[float, float]]) -> str:
    return _path([(line[0][0], BOTTOM), *line, (line[-1][0], BOTTOM)]) + "Z"


def _path(line: list[tuple[float, float]]) -> str:
    """Return a line through the places; one place alone is a short line, to be seen."""
    (x, y), *rest = line
    if not rest:
        return f"M{x - _ALONE / 2:.1f} {y:.1f}h{_ALONE}"
    return f"M{x:.1f} {y:.1f}" + "".join(f"L{x:.1f} {y:.1f}" for x, y in rest)
