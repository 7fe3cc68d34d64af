from __future__ import annotations

import pytest

from nemo_sdg.report.latencies import bins, bucket_of, percentiles
from nemo_sdg.report.numbers import Counts


def _counted(latencies) -> Counts:
    counts = Counts()
    for latency in latencies:
        counts.add(Counts(latencies={bucket_of(latency): 1}))
    return counts


def test_percentiles_are_near_the_exact_ones():
    """What is read from buckets is within 9 % of what the latencies themselves say."""
    found = percentiles(_counted(number / 1000 for number in range(1, 2001)).latencies)
    exact = {"p50": 1.0, "p95": 1.9, "p99": 1.98}
    assert found.keys() == exact.keys()
    assert all(abs(found[name] / exact[name] - 1) < 0.09 for name in exact)


@pytest.mark.parametrize("latency", [0.0, 1e-9, 0.0011, 0.5, 3600.0, 1e9])
def test_every_latency_has_a_bucket(latency):
    """However short or long an answer took, it is counted, between bounds where these reach so far."""
    ((low, high, number),) = bins(_counted([latency]).latencies)
    assert number == 1
    assert low < high
    if 0.001 < latency < 8000:
        assert low < latency <= high


def test_buckets_add_up():
    """Buckets of two runs together are those of one that had all their answers."""
    first, second = _counted([0.2, 0.4, 0.4]), _counted([0.4, 9.0])
    first.add(second)
    assert first == _counted([0.2, 0.4, 0.4, 0.4, 9.0])


def test_nothing_known_and_other_buckets():
    """Of no answers there are no percentiles; a bucket that is none is passed over."""
    assert percentiles({}) == {}
    assert percentiles({"x": 3, "nan": 1, "0.5": 0, "-1": 2}) == {}
