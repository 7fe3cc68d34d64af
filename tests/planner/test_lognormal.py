from __future__ import annotations

import random

import pytest

from nemo_sdg.planner.lognormal import fitted


def test_the_distribution_of_samples_is_found():
    """Of many samples of a lognormal latency both parameters are found again."""
    chance = random.Random(3)
    samples = [chance.lognormvariate(0, 0.7) * 2.5 for _ in range(5_000)]

    latency = fitted(samples, capacity=9)

    assert latency.median == pytest.approx(2.5, rel=0.03)
    assert latency.sigma == pytest.approx(0.7, rel=0.03)
    assert latency.capacity == 9


@pytest.mark.parametrize("samples", [[0.5], [0.5, 0.5], [0.0]])
def test_few_or_equal_samples_have_no_spread(samples):
    """One answer, equal ones, and one of no time at all make a latency that can be used."""
    latency = fitted(samples)

    assert latency.sigma == 0
    assert latency.median == pytest.approx(max(samples[0], 1e-4))
