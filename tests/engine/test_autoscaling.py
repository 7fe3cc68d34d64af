"""How many workers to have."""

from __future__ import annotations

import pytest

from nemo_sdg.engine.autoscaling import FIRST_WORKERS, OWN_CONCURRENCY, WorkerCount, first_workers
from nemo_sdg.limits import Limits
from nemo_sdg.report.numbers import Counts, EndpointUse, LimitUse, Snapshot

PACE = "requests per minute"


@pytest.mark.parametrize(
    ("limits", "per_worker", "workers"),
    [
        (Limits(), 5, FIRST_WORKERS),
        (Limits(requests_per_minute=6_000), 25, 8),
        (Limits(requests_per_minute=60), 25, 1),
        (Limits(requests_per_minute=6_000, max_concurrent_requests=50), 25, 2),
        (Limits(max_concurrent_requests=10), 25, 1),
    ],
)
def test_begins_with_what_the_limits_can_feed(limits, per_worker, workers):
    """By Little's law: rate times latency by what one worker has in flight; two where nothing is known."""
    assert first_workers(limits, per_worker) == workers


class Run:
    """Snapshots of a run in which each worker is held back by one reason, a second apart."""

    def __init__(self, workers=2, per_worker=8):
        self.count = WorkerCount(workers, per_worker)
        self.elapsed = 0.0
        self.held = {}

    def go(self, seconds, reason, *, in_flight, use=None, settled=True, work_left=True):
        for _ in range(seconds):
            self.elapsed += 1
            self.held[reason] = self.held.get(reason, 0.0) + self.count.desired
            limits = [] if use is None else [LimitUse("requests", 100.0, 100.0 * use)]
            snapshot = Snapshot(
                self.elapsed,
                10,
                0,
                Counts(),
                in_flight=in_flight,
                endpoints=[EndpointUse("", "m", limits)],
                held_back=dict(self.held),
            )
            self.count.follow(snapshot, settled=settled, work_left=work_left)
        return self.count.desired


def test_doubles_while_workers_are_full_and_no_limit_is_known():
    """Workers that wait only for their own max_concurrent_requests become twice as many."""
    run = Run()

    assert run.go(6, OWN_CONCURRENCY, in_flight=16) == 4
    assert run.go(3, OWN_CONCURRENCY, in_flight=32) == 8


def test_grows_to_what_the_rate_can_feed():
    """At 80 % of the limit a quarter more workers are enough, and at the limit none more."""
    assert Run(workers=4).go(6, OWN_CONCURRENCY, in_flight=32, use=0.8) == 5
    assert Run(workers=4).go(6, OWN_CONCURRENCY, in_flight=32, use=1.0) == 4


@pytest.mark.parametrize("state", [{"settled": False}, {"work_left": False}])
def test_waits_for_those_it_asked_for(state):
    """No more are asked for while some are starting, or when no shard is left to give them."""
    assert Run().go(30, OWN_CONCURRENCY, in_flight=16, **state) == 2


def test_shrinks_when_a_limit_binds_for_a_while():
    """Workers of which the limit feeds only a part go, after a time in which that did not change."""
    run = Run(workers=8)

    assert run.go(9, PACE, in_flight=12) == 8
    assert run.go(9, PACE, in_flight=12) == 2


def test_does_not_shrink_for_a_moment():
    """One quiet spell between busy ones takes no worker away."""
    run = Run(workers=8)
    for _ in range(6):
        run.go(6, PACE, in_flight=8)
        run.go(6, PACE, in_flight=60)

    assert run.count.desired == 8


def test_keeps_one():
    """Nothing in flight still leaves one worker."""
    assert Run(workers=4).go(60, "no rows at hand", in_flight=0) == 1
