"""Workers in simulated time: real limiters and budgets, links with delays, an endpoint that keeps count."""

from __future__ import annotations

import asyncio
import bisect
import itertools
import math
import random
from collections import Counter
from contextlib import suppress

import msgspec

from nemo_sdg.limits import NO, OK, Kind, Limiter, Limits, SeenLimit, Tokens, Verdict
from nemo_sdg.limits.budget import Budget
from nemo_sdg.limits.exchange import Grant, Report
from nemo_sdg.limits.failover import FailoverLink
from nemo_sdg.simulator.admission import Admission
from nemo_sdg.simulator.settings import Limits as Allowed

REFUSAL = 0.002
"""Seconds in which an attempt is turned away."""
BEAT = 1.0
"""Seconds between two calls of a limiter's `tick`."""


def throttled(after=None):
    """Return the verdict of a throttle."""
    return Verdict(Kind.THROTTLED, after)


async def admitted_now(limiter, most=1000):
    """Take every permit that is to be had without time passing."""
    permits = []
    for _ in range(most):
        task = asyncio.ensure_future(limiter.acquire())
        for _ in range(5):
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            break
        permits.append(task.result())
    return permits


class Endpoint:
    """Lets requests in as `allowed` says, and writes down what comes.

    `headers` has answers tell the limits; `retry_after` has refusals tell how long to wait: True as it is, a
    number instead of it, None not at all.
    """

    def __init__(self, loop, rng, allowed, *, median=0.2, sigma=1.0, headers=False, retry_after=True):
        self._loop = loop
        self._rng = rng
        self.median, self.sigma = median, sigma
        self.headers, self.retry_after = headers, retry_after
        self.allow(allowed)
        self.in_flight = self.peak = 0
        self.came = []  # time, tokens, let in
        self.done = []  # time, job, tokens
        self.by_job = Counter()  # in flight
        self.storms = []  # from, until, seconds to wait as told: all are turned away

    def allow(self, allowed):
        """Go on with other limits."""
        self._admission = Admission(allowed, self._loop.time, self._loop.time)

    async def ask(self, tokens, job=""):
        """Make one attempt; return its verdict and what its headers told."""
        now = self._loop.time()
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            storm = next((storm for storm in self.storms if storm[0] <= now < storm[1]), None)
            refusal = None if storm else self._admission.admit(sum(tokens), self.in_flight)
            self.came.append((now, sum(tokens), not (storm or refusal)))
            if storm:
                await asyncio.sleep(REFUSAL)
                return throttled(storm[2]), None
            if refusal is not None:
                await asyncio.sleep(REFUSAL)
                after = refusal.wait if self.retry_after is True else self.retry_after
                return throttled(after), self._seen()
            await asyncio.sleep(self.median * math.exp(self.sigma * self._rng.gauss(0, 1)))
            self.done.append((self._loop.time(), job, sum(tokens)))
            return OK, self._seen()
        finally:
            self.in_flight -= 1

    def _seen(self):
        if not self.headers:
            return None
        now = self._loop.time()
        return {
            kind: SeenLimit(bucket.per_minute, max(0, int(bucket.level(now))), bucket.seconds_to_full(now))
            for kind, bucket in self._admission._buckets.items()
        }


class Wire:
    """A link that takes its time, to the fleet's budget of the moment; see `RemoteLink`."""

    def __init__(self, fleet):
        self._fleet = fleet
        self.cut = False
        self.sent = 0

    @property
    def connected(self):
        return self._fleet.budget is not None

    def send(self, report, reply):
        fleet, budget = self._fleet, self._fleet.budget
        self.sent += 1
        data = msgspec.msgpack.encode(report)

        def back(grant):
            if not self.cut:
                reply(grant)

        def there():
            if self.cut:
                return
            if budget is None or budget is not fleet.budget:
                if not fleet.silent:
                    fleet.later(back, None)
                return
            grant = budget.exchange(msgspec.msgpack.decode(data, type=Report), fleet.loop.time())
            fleet.later(back, msgspec.msgpack.decode(msgspec.msgpack.encode(grant), type=Grant))

        fleet.later(there)


class Worker:
    """One limiter of a fleet, and the rows that it is to ask for."""

    def __init__(self, fleet, job, places, limits, skew, failover, demand, rows):
        self.fleet, self.job = fleet, job
        self.demand = demand  # rows per second; None: always more than can be sent
        self.rows = rows  # None: without end
        self.limiter = Limiter(places, limits, clock=lambda: fleet.loop.time() + skew)
        self.wire = Wire(fleet)
        clock = self.limiter._clock
        self.limiter.join(FailoverLink(self.wire, clock) if failover else self.wire, job)
        self.limiter._lease.member = f"{len(fleet.workers):03}-{fleet.rng.random()}"  # the same in each run
        self.admitted = []
        tasks = [self._beat()]
        tasks += [self._arrive()] if demand else [self._ask_on() for _ in range(places + places // 2 + 1)]
        self.tasks = {asyncio.ensure_future(task) for task in tasks}

    def rows_come(self, number):
        """Have so many rows more, all at once."""
        self.tasks |= {asyncio.ensure_future(self._row()) for _ in range(number)}

    def leave(self):
        """Stop as a worker does at its end."""
        self._end()
        self.limiter.leave()

    def die(self):
        """Fall silent."""
        self.wire.cut = True
        self._end()

    def _end(self):
        for task in self.tasks:
            task.cancel()
        self.fleet.ended |= self.tasks

    async def _beat(self):
        while True:
            await asyncio.sleep(BEAT)
            self.limiter.tick()

    async def _arrive(self):
        while True:
            await asyncio.sleep(self.fleet.rng.expovariate(self.demand))
            self.tasks.add(asyncio.ensure_future(self._row()))

    async def _ask_on(self):
        while self.rows is None or self.rows > 0:
            if self.rows is not None:
                self.rows -= 1
            await self._row()

    async def _row(self):
        fleet, limiter = self.fleet, self.limiter
        tokens = fleet.tokens(fleet.rng)
        estimate = Tokens(*fleet.estimate(tokens))
        urgent = False
        while True:
            permit = await limiter.acquire(estimate, urgent=urgent)
            fleet.admitted.append((fleet.loop.time(), estimate.total))
            self.admitted.append(fleet.loop.time())
            try:
                verdict, seen = await fleet.endpoint.ask(tokens, self.job)
            except asyncio.CancelledError:
                permit.settle(None, NO)
                raise
            permit.settle(Tokens(*tokens) if verdict is OK else None, verdict, seen)
            if verdict is OK:
                return
            urgent = True


class Fleet:
    """Workers, the budget that they share, and the endpoint that they ask; `rng` decides what is random."""

    def __init__(
        self,
        loop,
        seed,
        allowed,
        *,
        limits=None,
        tokens=lambda _: (100, 100),
        estimate=lambda tokens: tokens,
        delay=0.005,
        **endpoint,
    ):
        random.seed(seed)  # budgets choose pauses
        self.loop = loop
        self.rng = random.Random(seed)
        self.endpoint = Endpoint(loop, self.rng, allowed, **endpoint)
        self.limits = limits or Limits()
        self.tokens, self.estimate = tokens, estimate
        self.delay = delay
        self.budget = Budget()
        self.silent = False  # what is lost does not say so
        self.admitted = []  # time, tokens as estimated
        self.workers, self.ended = [], set()
        self.errors = []
        loop.set_exception_handler(lambda _, context: self.errors.append(context))

    def later(self, call, *args):
        """Have `call` happen after a way through the network."""
        self.loop.call_later(self.delay * self.rng.random(), call, *args)

    def work(
        self, number=1, job="job", *, places=64, limits=None, skew=0.0, failover=False, demand=None, rows=None
    ):
        new = [
            Worker(self, job, places, limits or self.limits, skew, failover, demand, rows)
            for _ in range(number)
        ]
        self.workers += new
        return new

    async def until(self, time):
        """Let simulated time pass."""
        await asyncio.sleep(time - self.loop.time())
        self._check()

    async def finished(self):
        """Wait until all rows are done; only for workers with a number of rows."""
        for worker in self.workers:
            await asyncio.gather(*(task for task in worker.tasks if task.get_coro().__name__ == "_ask_on"))
        self._check()
        self.end()

    def end(self):
        """End all workers."""
        for worker in self.workers:
            worker._end()

    def _check(self):
        failed = [
            task.exception()
            for worker in self.workers
            for task in worker.tasks
            if task.done() and not task.cancelled() and task.exception() is not None
        ]
        assert not failed
        assert not self.errors

    # What came of it

    def goodput(self, start=0.0, end=math.inf, job=None):
        """Return the requests answered per second from `start` to `end`."""
        times = [time for time, of, _ in self.endpoint.done if start <= time < end and job in {None, of}]
        return len(times) / (min(end, self.loop.time()) - start)

    def steady(self, *, tokens=False):
        """Return the requests, or tokens, answered per second between 10 % and 90 % of all answers."""
        done = self.endpoint.done
        low, high = int(0.1 * len(done)), int(0.9 * len(done))
        amount = sum(each[2] for each in done[low:high]) if tokens else high - low
        return amount / (done[high][0] - done[low][0])

    @property
    def turned_away(self):
        """The part of all attempts that was throttled."""
        came = self.endpoint.came
        return sum(not let_in for *_, let_in in came) / len(came)

    def came_between(self, start, end):
        """Return how many attempts came to the endpoint from `start` to `end`."""
        times = [time for time, *_ in self.endpoint.came]
        return bisect.bisect_left(times, end) - bisect.bisect_left(times, start)


def excess(admitted, rate, *, tokens=False):
    """Return by how much the most crowded of all windows goes beyond `rate` times its length.

    `admitted` holds times and tokens, which cost 1 each unless it is `tokens` that count.
    """
    most, least, total = 0.0, math.inf, 0.0
    for time, estimated in sorted(admitted):
        cost = estimated if tokens else 1
        least = min(least, total - rate * time)
        total += cost
        most = max(most, total - rate * time - least)
    return most


def fullest(times, seconds):
    """Return the most of `times` that lie within any window of so many `seconds`."""
    times = sorted(times)
    start, most = 0, 0
    for number, time in enumerate(times):
        while times[start] <= time - seconds:
            start += 1
        most = max(most, number - start + 1)
    return most


def longest_gap(times, start, end):
    """Return the longest time from `start` to `end` without any of `times`."""
    inside = [time for time in sorted(times) if start < time < end]
    return max(after - before for before, after in itertools.pairwise([start, *inside, end]))


PER_MINUTE = Allowed(requests_per_minute=6000)
LIMITS = Limits(requests_per_minute=6000)
