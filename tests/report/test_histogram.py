from __future__ import annotations

import pytest

from nemo_sdg.report.chart import BOTTOM, LEFT, RIGHT
from nemo_sdg.report.formats import duration, short
from nemo_sdg.report.histogram import TOP, of_bins, of_values

SPREADS = {
    "narrow": [18] * 90 + [19] * 9 + [20],
    "even": list(range(30, 600)),
    "wide": [0, 0, 1, 2, 3, 50, 400, 9000, 5_000_000],
    "zeros": [0] * 5 + [1],
    "one far away": [100] * 1000 + [5_000_000],
}


@pytest.mark.parametrize("values", SPREADS.values(), ids=SPREADS)
def test_every_value_is_in_a_bar_within_the_drawing(values):
    """However values are spread, all are in at most some dozen bars, and nothing leaves the drawing."""
    drawn = of_values("x", values, short)
    assert sum(int(bar.words.rpartition(": ")[2].replace(",", "")) for bar in drawn.bars) == len(values)
    assert 0 < len(drawn.bars) <= 34
    for bar in drawn.bars:
        assert LEFT <= bar.x < bar.x + bar.width <= RIGHT + 0.5
        assert TOP - 0.1 <= bar.y < BOTTOM
    assert drawn.across
    assert all(LEFT <= mark.at <= RIGHT for mark in drawn.across)
    assert len({mark.label for mark in drawn.across}) == len(drawn.across)
    assert len({place for place, _, _ in drawn.lines}) == len(drawn.lines)


def test_bars_are_as_high_as_their_numbers():
    """A bar for half as many values is half as high."""
    drawn = of_values("x", [1] * 40 + [9] * 20, short)
    first, second = drawn.bars
    assert second.height == pytest.approx(first.height / 2, abs=0.2)


def test_percentiles_are_said():
    """The words and the lines name the percentiles; those at one place share a line."""
    drawn = of_values("x", SPREADS["narrow"], short)
    assert drawn.words == "p50 18, p95 19, p99 19"
    assert [name for _, _, name in drawn.lines] == ["p50", "p95, p99"]


def test_all_the_same_and_nothing():
    """Values that are all the same are said, not drawn; of none there is nothing."""
    drawn = of_values("x", [7, 7], short)
    assert (drawn.words, drawn.bars) == ("all are 7", [])
    assert of_values("x", [], short) is None
    assert of_bins("x", [], {}, short) is None


def test_bins_are_put_together():
    """Many narrow bins become few bars on a logarithmic axis, with none of their numbers lost."""
    bins = [(0.001 * 2 ** (step / 8), 0.001 * 2 ** ((step + 1) / 8), 5) for step in range(160)]
    drawn = of_bins("latency", bins, {50: 1.0}, duration)
    assert len(drawn.bars) <= 34
    assert sum(int(bar.words.rpartition(": ")[2]) for bar in drawn.bars) == 800
    (one,) = of_bins("latency", [(0.46, 0.5, 3)], {50: 0.48}, duration).bars
    assert one.words.endswith(": 3")
