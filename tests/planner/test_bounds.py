from __future__ import annotations

import pytest

from nemo_sdg.limits import Limits
from nemo_sdg.planner.bounds import ROWS, WORKERS, binding, of_endpoint, useful_workers


@pytest.mark.parametrize(
    ("endpoint", "limits", "name", "rate"),
    [
        ({"requests_per_minute": 600}, {}, "requests per minute", 10),
        ({}, {"requests_per_minute": 300}, "requests per minute", 5),
        ({"requests_per_minute": 600}, {"requests_per_minute": 300}, "requests per minute", 5),
        ({"requests_per_minute": 600, "tokens_per_minute": 51_000}, {}, "tokens per minute", 5),
        ({}, {"tokens_per_minute": 51_000}, "tokens per minute", 5),
        ({}, {"max_concurrent_requests": 4}, "max_concurrent_requests of all workers", 2),
        ({"max_concurrent": 4}, {}, "requests in flight at the endpoint", 2),
    ],
)
def test_the_tightest_limit_of_the_endpoint(fleet, endpoint, limits, name, rate):
    """Of all limits that are configured or known the one counts that lets the fewest requests through."""
    job = fleet(endpoint, limits=Limits(**limits), median=2.0, sigma=0.0)

    bound = of_endpoint(job)

    assert (bound.name, bound.requests_per_second) == (name, pytest.approx(rate))


def test_capacity_bounds_throughput(fleet):
    """An endpoint that slows down with more than 6 requests in flight answers 6 in each latency."""
    bound = of_endpoint(fleet(capacity=6, median=2.0, sigma=0.0))

    assert (bound.name, bound.requests_per_second) == ("the endpoint's capacity", pytest.approx(3))


def test_what_binds(fleet):
    """The workers' places bind until the limit does; where there are fewer rows than places these do."""
    few = fleet({"requests_per_minute": 6_000}, median=1.0, sigma=0.0, workers=2)
    many = few._replace(workers=100)
    short = many._replace(requests=50)

    assert binding(few, of_endpoint(few)).name == WORKERS
    assert binding(few, of_endpoint(few)).requests_per_second == pytest.approx(16)
    assert binding(many, of_endpoint(many)).name == "requests per minute"
    assert binding(short, of_endpoint(short)).name == ROWS
    assert of_endpoint(fleet()) is None


@pytest.mark.parametrize(
    ("per_minute", "median", "useful"), [(6_000, 1.0, 13), (480, 1.0, 1), (480, 1.001, 2), (6, 0.1, 1)]
)
def test_useful_workers_by_littles_law(fleet, per_minute, median, useful):
    """As many workers are of use as it takes to have rate x latency in flight, with 8 places each."""
    job = fleet({"requests_per_minute": per_minute}, median=median, sigma=0.0)

    assert useful_workers(job, of_endpoint(job)) == useful


def test_no_more_workers_than_shards_are_useful(fleet):
    """Three shards of rows are work for three workers; without limits the shards alone count."""
    job = fleet({"requests_per_minute": 6_000}, median=1.0, requests=40)

    assert useful_workers(job, of_endpoint(job)) == 3
    assert useful_workers(fleet(requests=100_000, shard_rows=1_000), None) == 100
