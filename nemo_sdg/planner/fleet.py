"""Workers that ask an endpoint, in simulated time: their limiters and budget are the real ones."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.errors import RunStopped
from nemo_sdg.limits import Kind, Limiter, Limits, Tokens
from nemo_sdg.planner.delayed_link import DelayedLink
from nemo_sdg.planner.endpoint import ModelledEndpoint, mean_latency
from nemo_sdg.planner.virtual_time import in_virtual_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.simulator import SimulatorSettings

WORKER_SECONDS = 0.0005
"""Of a worker's CPU for each request."""
AT_HAND = 8
"""Rows of open shards for each place in flight, as the engine has them."""
_MOST_EVENTS = 8_000
"""Requests and messages after which a simulation ends; what follows is more of the same."""
_MESSAGE = 2
"""Requests that cost as much to simulate as a message."""
_SEEN_AHEAD = 0.5
"""Seconds' worth of requests in line that a limiter looks at."""
_LONG_ENOUGH = 300.0
"""Seconds after which it ends as well."""
_LEAST_ANSWERS, _LEAST_SECONDS = 60, 10.0
"""That a simulation has in any case, unless it would take four times as long."""
_GROWING = 1.15
"""Between the last two quarters of a simulation, by which throughput has not settled."""


class Fleet(NamedTuple):
    """What is simulated."""

    workers: int
    places: int
    """Requests that a worker may have in flight."""
    limits: Limits
    """As the workers know them."""
    endpoint: SimulatorSettings
    tokens: Sequence[Tokens]
    """Of requests such as will be sent."""
    requests: int
    shard_rows: int
    link_delay: float = 0.001
    """Seconds from a worker to the budget."""
    most_events: int = _MOST_EVENTS


class FleetRun(NamedTuple):
    """What came of it."""

    answers: int
    """Of the first requests; all of them when there was time."""
    seconds: float
    """Until the last of these answers."""
    rate: float
    """Answers a second in the end."""
    in_flight: float
    throttled: float
    """Share of the attempts."""
    messages: float
    """To the budget, in a second."""
    settled: bool
    """Throughput grew no longer."""


def simulate(fleet: Fleet) -> FleetRun:
    """Simulate `fleet` until all requests are answered, or until it is known how it goes on."""
    return in_virtual_time(lambda loop: _Simulation(fleet, loop).run())


class _Worker:
    """Has a limiter, and some shards open at a time."""

    def __init__(self, limiter: Limiter, shards: int) -> None:
        self.limiter = limiter
        self.may_open = shards
        self.rows = 0
        """At hand and not begun."""
        self.open: list[int] = []
        """Rows to be answered of each open shard."""
        self.runners = 0
        self.free_at = 0.0


class _Simulation:
    def __init__(self, fleet: Fleet, loop: asyncio.AbstractEventLoop) -> None:
        self._fleet = fleet
        self._loop = loop
        self._chance = chance = random.Random(0)
        random.seed(0)  # of the budget's own pauses
        self._endpoint = ModelledEndpoint(fleet.endpoint, loop.time, chance)
        self._link = DelayedLink(loop, fleet.link_delay, chance)
        mean = sum(each.completion for each in fleet.tokens) // len(fleet.tokens)
        pairs = [(each, Tokens(each.prompt, mean)) for each in fleet.tokens]
        self._tokens = cycle(chance.sample(pairs, len(pairs)))
        self._undealt = fleet.requests
        self._answered: list[float] = []
        self._in_flight: list[float] = []
        """Seconds in flight of all requests so far, at each answer."""
        self._ended_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        soon = fleet.places * _SEEN_AHEAD / max(1e-3, mean_latency(fleet.endpoint.latency))
        # Those at the end of the line need not wait in person.
        self._most_runners = fleet.places + min(
            (AT_HAND - 1) * fleet.places, max(fleet.places, int(soon) + 1)
        )
        overlap = -(-AT_HAND * fleet.places // fleet.shard_rows) + 1
        self._workers = []
        for _ in range(fleet.workers):
            limiter = Limiter(fleet.places, fleet.limits, loop.time)
            limiter.join(self._link, "")
            self._workers.append(_Worker(limiter, overlap))

    async def run(self) -> FleetRun:
        for _ in range(self._workers[0].may_open):
            for worker in self._workers:
                self._open_shard(worker)
        while self._tasks:
            await asyncio.gather(*self._tasks)
        return self._result()

    def _open_shard(self, worker: _Worker) -> None:
        rows = min(self._fleet.shard_rows, self._undealt)
        if rows and self._ended_at is None:
            self._undealt -= rows
            worker.rows += rows
            worker.open.append(rows)
            for _ in range(min(worker.rows, self._most_runners - worker.runners)):
                worker.runners += 1
                task = self._loop.create_task(self._ask_for_rows(worker))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _ask_for_rows(self, worker: _Worker) -> None:
        try:
            while worker.rows:
                worker.rows -= 1
                await self._ask(worker)
                self._answer(worker)
        except RunStopped:
            pass
        finally:
            worker.runners -= 1

    async def _ask(self, worker: _Worker) -> None:
        used, estimate = next(self._tokens)
        urgent = False
        while True:
            permit = await worker.limiter.acquire(estimate, urgent=urgent)
            now = self._loop.time()
            worker.free_at = max(now, worker.free_at) + WORKER_SECONDS
            if worker.free_at - now > 2 * WORKER_SECONDS:
                await asyncio.sleep(worker.free_at - now)
            verdict, seen = await self._endpoint.ask(used.total)
            urgent = verdict.kind is not Kind.OK
            permit.settle(None if urgent else used, verdict, seen)
            if not urgent:
                return

    def _answer(self, worker: _Worker) -> None:
        self._answered.append(self._loop.time())
        self._in_flight.append(self._endpoint.request_seconds)
        worker.open[0] -= 1
        if not worker.open[0]:
            del worker.open[0]
            self._open_shard(worker)
        now, answers, most = self._answered[-1], len(self._answered), self._fleet.most_events
        events = answers + _MESSAGE * (self._link.messages - len(self._workers))
        enough = (answers >= _LEAST_ANSWERS and now >= _LEAST_SECONDS) or events >= 4 * most
        if self._ended_at is None and enough and (events >= most or now >= _LONG_ENOUGH):
            self._end()

    def _end(self) -> None:
        """Let what is in flight arrive, and send no more."""
        self._ended_at = self._loop.time()
        for worker in self._workers:
            worker.rows = 0
            worker.limiter.stop()

    def _result(self) -> FleetRun:
        """Return the figures of the whole job, or of the second half of a simulation that was ended."""
        answered, endpoint = self._answered, self._endpoint
        last = answered[-1]
        run = FleetRun(
            answers=len(answered),
            seconds=last,
            rate=len(answered) / last,
            in_flight=endpoint.request_seconds / last,
            throttled=endpoint.throttled / endpoint.attempts,
            messages=self._link.messages / last,
            settled=True,
        )
        if len(answered) == self._fleet.requests or self._ended_at is None:
            return run
        end = self._ended_at
        half, three, four = (bisect_left(answered, end * part / 4) for part in (2, 3, 4))
        busy = self._in_flight[min(four, len(answered) - 1)] - self._in_flight[half]
        return run._replace(
            rate=(four - half) / (end / 2),
            in_flight=busy / (end / 2),
            settled=four - three <= _GROWING * (three - half),
        )
