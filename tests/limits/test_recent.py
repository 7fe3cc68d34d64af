from __future__ import annotations

import pytest

from nemo_sdg.limits.recent import Recent


def test_sums_are_those_of_the_last_seconds():
    """What was added longer ago is gone; each number has a sum of its own."""
    recent = Recent(10.0, 2)
    recent.add(0.0, 1, 10)
    recent.add(6.0, 2, 20)
    assert recent.sums(9.0) == [3, 30]
    assert recent.sums(11.0) == [2, 20]
    assert recent.sums(17.0) == [0, 0]


def test_rates_are_by_the_time_that_was_measured():
    """A rate is by the seconds since the first number, at least 1, at most all."""
    recent = Recent(10.0)
    assert recent.per_second(5.0) == [0]
    recent.add(5.0, 30)
    assert recent.per_second(5.1) == [30]
    assert recent.per_second(8.0) == [10]
    recent.add(100.0, 30)
    assert recent.per_second(100.0) == pytest.approx([3.0])
