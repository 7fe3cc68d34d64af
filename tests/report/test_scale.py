from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_sdg.report.scale import count_ticks, nice, time_ticks


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (1, "0, 0.2, 0.4, 0.6, 0.8, 1 s"),
        (100, "0, 20, 40, 60, 80, 100 s"),
        (330, "0, 1, 2, 3, 4, 5 min"),
        (2 * 3600, "0, 20, 40, 60, 80, 100, 120 min"),
        (33 * 3600, "0, 6, 12, 18, 24, 30 h"),
        (10 * 86400, "0, 2, 4, 6, 8, 10 d"),
    ],
)
def test_time(span, labels):
    """Times are in one unit that fits the run's length, in steps of a clock."""
    assert ", ".join(tick.label for tick in time_ticks(span)) == labels


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (0, "0 1"),
        (1, "0 1"),
        (6000, "0 2,000 4,000 6,000"),
        (6001, "0 2,000 4,000 6,000 8,000"),
        (1_300_000, "0 500,000 1.0_M 1.5_M"),
        (10_000_000, "0 5.0_M 10.0_M"),
    ],
)
def test_counts(largest, labels):
    """Numbers are whole and round, and the last one is not below the largest value."""
    assert " ".join(tick.label.replace(" ", "_") for tick in count_ticks(largest)) == labels


@given(st.floats(1e-3, 1e9))
def test_times_lie_on_the_axis(span):
    """Marks begin at 0, are evenly spaced, few, different and not beyond the end."""
    ticks = time_ticks(span)
    values = [tick.value for tick in ticks]
    assert values[0] == 0
    assert max(values) <= span
    assert len(ticks) <= 7
    assert span < 1 or len(ticks) >= 3
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert values == pytest.approx(
        [index * max(values) / max(1, len(ticks) - 1) for index in range(len(ticks))]
    )


@given(st.floats(0, 1e12))
def test_counts_reach_the_largest(largest):
    """The axis ends at or above the largest value, not far above it, with at most five marks."""
    ticks = count_ticks(largest)
    assert 2 <= len(ticks) <= 5
    assert largest <= ticks[-1].value * (1 + 1e-9)
    assert largest < 2 or ticks[-1].value <= 2 * largest
    assert len({tick.label for tick in ticks}) == len(ticks)


@given(st.floats(1e-9, 1e15))
def test_nice(least):
    """A step is 1, 2 or 5 times a power of ten, and the smallest that is enough."""
    step = nice(least)
    assert least <= step * (1 + 1e-9)
    assert step <= 2.5 * least * (1 + 1e-9)
    assert f"{step:.6e}"[:8] in {"1.000000", "2.000000", "5.000000"}
