from __future__ import annotations

import pytest

from nemo_sdg.limits import Limits
from nemo_sdg.planner.endpoint import mean_latency
from nemo_sdg.planner.fleet import WORKER_SECONDS, simulate


def test_a_small_job_is_simulated_whole(fleet):
    """All requests of a small job are answered, at the pace of the places in flight."""
    job = fleet(workers=1, requests=2_000)

    run = simulate(job)

    assert run.answers == 2_000
    assert run.settled
    assert run.seconds == pytest.approx(2_000 * mean_latency(job.endpoint.latency) / 8, rel=0.08)
    assert run.rate == pytest.approx(2_000 / run.seconds)
    assert run.in_flight == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("told", ["headers", "config"])
def test_a_rate_limit_is_kept(fleet, told):
    """With a limit that is known the rate is that of the limit, and hardly anything is throttled."""
    limits = Limits(requests_per_minute=3_000) if told == "config" else Limits()
    style = "openai" if told == "headers" else "none"
    job = fleet({"requests_per_minute": 3_000, "headers": style}, workers=4, requests=3_000, limits=limits)

    run = simulate(job)

    assert run.rate == pytest.approx(50, rel=0.04)
    assert run.throttled < 0.02


def test_a_token_limit_counts_both_kinds(fleet):
    """With 170 tokens a request on average, 1,020,000 tokens a minute let 100 requests a second through."""
    job = fleet({"tokens_per_minute": 1_020_000}, workers=4, requests=4_000)

    assert simulate(job).rate == pytest.approx(100, rel=0.05)


def test_a_limit_that_nobody_tells_is_learnt_from_throttles(fleet):
    """Without headers the fleet comes near the limit, and is throttled on the way."""
    job = fleet({"requests_per_minute": 1_800, "headers": "none"}, workers=2, requests=3_000)

    run = simulate(job)

    assert 20 < run.rate < 30.5
    assert run.throttled > 0


def test_the_endpoint_charges_all_tokens(fleet):
    """A limit on tokens that nobody tells turns away what prompt and completion together exceed."""
    job = fleet({"tokens_per_minute": 306_000, "headers": "none"}, workers=2, requests=3_000)

    assert 20 < simulate(job).rate < 31


def test_a_long_job_is_simulated_in_part(fleet):
    """A simulation of a long job ends early, with the pace that the whole has."""
    short, long = fleet(requests=3_000), fleet(requests=3_000_000, shard_rows=4_096)

    run = simulate(long)

    assert run.answers < 30_000
    assert run.rate == pytest.approx(simulate(short).rate, rel=0.08)


def test_a_worker_has_one_cpu(fleet):
    """However quick the endpoint is, a worker sends no more than its CPU can."""
    run = simulate(fleet(workers=1, places=512, median=0.001, sigma=0.0, requests=4_000))

    assert run.rate <= 1.02 / WORKER_SECONDS


def test_no_more_workers_than_shards_work(fleet):
    """Ten workers for two shards of rows are as fast as two."""
    two, ten = (simulate(fleet(workers=workers, requests=64, shard_rows=32)) for workers in (2, 10))

    assert ten.seconds == pytest.approx(two.seconds, rel=0.5)
    assert ten.in_flight <= 2 * 8


def test_the_same_fleet_comes_to_the_same(fleet):
    """A plan hardly changes when it is made again: chance has only whose turn is first."""
    job = fleet({"requests_per_minute": 3_000}, requests=500)

    assert simulate(job).seconds == pytest.approx(simulate(job).seconds, rel=0.02)
