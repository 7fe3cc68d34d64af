from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_sdg.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, chart
from nemo_sdg.report.limit_series import Point

_counts = st.one_of(st.just(0.0), st.floats(0, 1e7), st.sampled_from([1.0, 1e7]))
_points = st.lists(
    st.builds(
        Point, st.floats(0, 1e6), st.none() | _counts, st.none() | _counts, st.just(0.0) | st.floats(0, 1e5)
    ),
    max_size=60,
).map(lambda points: sorted(points, key=lambda point: point.elapsed))


def _places(path: str) -> list[list[tuple[float, float]]]:
    """Return the lines of a path, and check that it has nothing else in it."""
    assert re.fullmatch(r"([ML] ?-?[\d.]+ -?[\d.]+|h\d+|Z| )*", path), path
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", line)]
        for line in path.split("M")[1:]
        for line in ["M" + line]
    ]


@given(_points)
def test_everything_lies_inside(points):
    """Whatever the numbers, no shape has a place that is no number or outside of the drawing."""
    drawn = chart(points)
    for path in (drawn.used, drawn.area, drawn.allowed):
        for x, y in (place for line in _places(path) for place in line):
            assert LEFT - 3 <= x <= RIGHT
            assert TOP <= y <= BOTTOM
    for band in drawn.pauses:
        assert LEFT <= band.at <= RIGHT
        assert 0 <= band.width <= RIGHT - band.at + 0.1
    assert all(LEFT <= mark.at <= RIGHT for mark in drawn.across)
    assert all(TOP <= mark.at <= BOTTOM for mark in drawn.up)
    assert RIGHT < WIDTH
    assert BOTTOM < HEIGHT


@given(_points)
def test_nothing_known_is_lost(points):
    """Every moment with a use is on the line, and every one with an allowance is on the steps."""
    drawn = chart(points)
    assert sum(map(len, _places(drawn.used))) == sum(point.used is not None for point in points)
    steps = [place for line in _places(drawn.allowed) for place in line]
    assert bool(steps) == any(point.allowed is not None for point in points)


def test_the_lines():
    """Use is a line from moment to moment; an allowance holds until the next one, then steps."""
    drawn = chart([Point(0, 100, 0), Point(50, 50, 50), Point(100, 50, 25)])
    middle = (LEFT + RIGHT) / 2
    half, quarter = (TOP + BOTTOM) / 2, BOTTOM - (BOTTOM - TOP) / 4
    assert _places(drawn.used) == [[(LEFT, BOTTOM), (middle, half), (RIGHT, quarter)]]
    assert _places(drawn.allowed) == [[(LEFT, TOP), (middle, TOP), (middle, half), (RIGHT, half)]]
    assert _places(drawn.area)[0][-1] == (RIGHT, BOTTOM)
    assert drawn.area.endswith("Z")


def test_gaps():
    """Where nothing is known no line is drawn, and the allowance holds until then."""
    points = [Point(0, 10, 1), Point(1, 10, 1), Point(2), Point(3, None, 4), Point(4, 10, 5)]
    drawn = chart(points)
    assert [len(line) for line in _places(drawn.used)] == [2, 2]
    assert drawn.area.count("Z") == 2
    assert [line[-1][0] for line in _places(drawn.allowed)] == [(LEFT + RIGHT) / 2, RIGHT - 3]


@pytest.mark.parametrize("elapsed", [0.0, 0.001, 30.0])
def test_one_moment(elapsed):
    """A single moment is seen as a short line, without an area."""
    drawn = chart([Point(elapsed, 10, 5)])
    assert drawn.used.endswith("h6")
    assert drawn.allowed.endswith("h6")
    assert drawn.area == ""
    assert drawn.across[-1].label.endswith(" s")


def test_no_moment():
    """Of nothing there are axes and no lines."""
    assert chart([])[:4] == ("", "", "", [])


def test_pauses():
    """A pause is marked from its beginning to its end, once if it was seen twice, not beyond the chart."""
    points = [Point(0), Point(10, pause=20), Point(20, pause=10), Point(50, pause=10), Point(100, pause=60)]
    width = RIGHT - LEFT
    bands = chart(points).pauses
    assert [band.at for band in bands] == pytest.approx(
        [LEFT + width * 0.1, LEFT + width * 0.5, RIGHT], abs=0.1
    )
    assert [band.width for band in bands] == pytest.approx([width * 0.2, width * 0.1, 0], abs=0.1)
