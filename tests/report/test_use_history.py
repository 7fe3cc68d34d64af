from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_sdg.report.use_history import MOST, UseHistory


def _after(times) -> list[float]:
    history = UseHistory()
    for time in times:
        history.add(time, [])
    return [moment.elapsed for moment in history.samples()]


def test_what_was_added_is_kept(use):
    """While there is room, the limits of every moment come back as they were given."""
    history, one = UseHistory(), use()
    assert history.samples() == []
    for second in range(100):
        history.add(float(second), [one])
    assert [moment.elapsed for moment in history.samples()] == [float(second) for second in range(100)]
    assert all(moment.endpoints == [one] for moment in history.samples())


@pytest.mark.parametrize("step", [0.1, 1.0, 7.3])
@pytest.mark.parametrize("steps", [1_000, 50_001])
def test_even_over_a_run_of_any_length(step, steps):
    """However long the run, there are a hundred to 240 moments over all of it, evenly spread."""
    kept = _after(step * index for index in range(steps))
    assert MOST // 2 - 20 <= len(kept) <= MOST
    assert kept[0] == 0
    assert kept[-1] == step * (steps - 1)
    gaps = [later - earlier for earlier, later in pairwise(kept[:-1])]
    assert max(gaps) <= min(gaps) + 2 * step


@given(st.lists(st.floats(0, 1e9), max_size=2000))
def test_any_rhythm(times):
    """Moments that come in bursts or hours apart stay in order and few, with the first and the last."""
    kept = _after(sorted(times))
    assert kept == sorted(set(kept))
    assert len(kept) <= MOST
    assert kept[:1] + kept[-1:] == ([min(times), max(times)] if times else [])


def test_memory_is_bounded():
    """What is held does not grow with the run."""
    history = UseHistory()
    for index in range(100_000):
        history.add(index / 10, [])
        assert len(history._kept) < MOST


def test_what_has_no_place_in_time():
    """A moment without a time, or older than the one before, is left out."""
    assert _after([1.0, float("nan"), 2.0, 1.5, float("inf"), 3.0]) == [1.0, 2.0, 3.0]
