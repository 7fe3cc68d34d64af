"""How many workers a job should have, decided while it runs: never more than the limits can feed."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from nemo_sdg.engine.elastic import ElasticPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.engine.work import PoolWork
    from nemo_sdg.limits import Limits
    from nemo_sdg.report.numbers import Snapshot
    from nemo_sdg.stages.base import PaidStage

FIRST_WORKERS = 2
"""Where nothing is known of any limit."""
LATENCY = 2.0
"""Seconds that an answer is thought to take before there was any."""
OWN_CONCURRENCY = "max_concurrent_requests of the workers"
"""The reason of being held back that more workers remove."""
_LOOK = 3.0  # seconds over which the reasons are counted
_HOLD_DOWN = 10.0  # seconds for which fewer workers must do, before some go
_MOST_OF = 0.5  # of the workers' time
_MOST = 10_000  # workers; the cluster's room is less
_SPARE = 1.25  # times what is in flight, that the workers which stay must be able to have


def first_workers(limits: Limits, per_worker: int) -> int:
    """Return the workers to begin with: by Little's law what the limits can feed, as far as known."""
    in_flight: float | None = None
    if limits.requests_per_minute is not None:
        in_flight = limits.requests_per_minute / 60 * LATENCY
    if limits.max_concurrent_requests is not None:
        in_flight = min(limits.max_concurrent_requests, in_flight or math.inf)
    return FIRST_WORKERS if in_flight is None else max(1, math.ceil(in_flight / per_worker))


class WorkerCount:
    """Says how many workers to have, from one snapshot of the run to the next.

    More, when most of the workers' time they wait for nothing but their own `max_concurrent_requests`: as
    many as the rate limit can still feed, at most twice as many at a time. Fewer, when what is in flight has
    for a while needed fewer. `per_worker` is what one may have in flight.
    """

    def __init__(self, workers: int, per_worker: int) -> None:
        self.desired = workers
        self._per_worker = per_worker
        self._looked_at: float | None = None
        self._held_back: dict[str, float] = {}
        self._in_flight: list[int] = []
        self._fewer_since: float | None = None
        self._most_needed = 1

    def follow(self, snapshot: Snapshot, *, settled: bool, work_left: bool) -> int:
        """Return how many to have.

        `settled` says that those asked for are at work and none is about to go, `work_left` that there are
        shards which no worker has.
        """
        self._in_flight.append(snapshot.in_flight)
        if self._looked_at is None or snapshot.elapsed - self._looked_at >= _LOOK:
            self._look(snapshot, settled=settled, work_left=work_left)
        return self.desired

    def _look(self, snapshot: Snapshot, *, settled: bool, work_left: bool) -> None:
        held = snapshot.held_back
        since = {reason: seconds - self._held_back.get(reason, 0.0) for reason, seconds in held.items()}
        first = self._looked_at is None
        in_flight = sum(self._in_flight) / len(self._in_flight)
        self._looked_at, self._held_back, self._in_flight = snapshot.elapsed, dict(held), []
        waited = sum(since.values())
        if first or not settled or waited <= 0:
            self._fewer_since = None
            return
        if since.get(OWN_CONCURRENCY, 0.0) > _MOST_OF * waited:
            self._fewer_since = None
            if work_left:
                self.desired = self._more(snapshot)
            return
        needed = max(1, math.ceil(_SPARE * in_flight / self._per_worker))
        if needed >= self.desired:
            self._fewer_since = None
        elif self._fewer_since is None:
            self._fewer_since, self._most_needed = snapshot.elapsed, needed
        else:
            self._most_needed = max(self._most_needed, needed)
            if snapshot.elapsed - self._fewer_since >= _HOLD_DOWN:
                self.desired, self._fewer_since = self._most_needed, None

    def _more(self, snapshot: Snapshot) -> int:
        rates = (use for endpoint in snapshot.endpoints for use in endpoint.limits if use.name != "in flight")
        shares = [use.used / use.allowed for use in rates if use.allowed]
        times = min(2.0, 1 / max(shares)) if shares and max(shares) > 0 else 2.0
        return max(self.desired, math.ceil(self.desired * times))


class Scaling:
    """Keeps the pool of the workers that generate at the size that `WorkerCount` says."""

    def __init__(self, stages: Sequence[PaidStage]) -> None:
        limiters = [limiter for stage in stages for limiter in stage.limiters.values()]
        per_worker = sum(stage.most_in_flight for stage in stages) or 1
        wanted = sum(first_workers(limiter.limits, limiter.most_in_flight) for limiter in limiters)
        self.workers = max(1, min(wanted, max(FIRST_WORKERS, os.cpu_count() or 1)))
        """To begin with; more than this machine has CPUs only as it shows that they are of use."""
        self._count = WorkerCount(self.workers, per_worker)
        self._pool = ElasticPool(1, _MOST)
        self._pool.desired = self.workers

    def elastic(self, pools: Sequence[PoolWork]) -> list[ElasticPool | None]:
        """Return what each of `pools` follows: one that generates and has no number of its own, this."""
        return [self._pool if pool.generates else None for pool in pools]

    def follow(self, snapshot: Snapshot) -> int:
        """Take in the state of the run; return how many workers there are to be."""
        pool = self._pool
        if pool.working:  # else Ray is starting
            settled = pool.starting == 0 and pool.resting == 0 and snapshot.workers >= pool.working
            pool.desired = self._count.follow(snapshot, settled=settled, work_left=pool.waiting > 0)
            self._count.desired = pool.desired
        return pool.desired
