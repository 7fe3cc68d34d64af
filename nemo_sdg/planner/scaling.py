"""What more workers would bring: the same job with 1, 2, 4, ... of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.planner.endpoint import mean_latency
from nemo_sdg.planner.fleet import simulate

if TYPE_CHECKING:
    from nemo_sdg.planner.fleet import Fleet, FleetRun

MOST_WORKERS = 1024
_GROWS = 1.05
"""Times the throughput of fewer workers, from which on more of them are worth a line."""
_ALIKE = 1.1
"""Between two throughputs, or two shares of a limit, that are called the same."""
_MOST_MESSAGES = 500.0
"""A second, which a budget never exceeds."""
_SETTLES = 8
"""Times the requests in flight that a simulation must be able to see to tell how it ends."""


class Scaled(msgspec.Struct, frozen=True, kw_only=True):
    """The job with so many workers."""

    workers: int
    requests_per_second: float
    """Over the whole job, with its beginning and its end."""
    of_limit: float | None
    """Share of what the endpoint allows; None where that is not known."""
    in_flight: float
    seconds: float
    """For all rows, from the first request on."""
    throttled: float
    """Share of the attempts."""
    messages_per_second: float
    """To the budget that all workers share."""
    simulated: bool = True
    """False: scaled up from fewer workers, for so many requests in flight are too many to simulate."""


class Scaling(msgspec.Struct, frozen=True):
    """The table of worker counts."""

    rows: list[Scaled]
    same_from: int | None = None
    """From so many workers up to `MOST_WORKERS` it is as with the last of `rows`."""


class Forecast:
    """Foretells one job for any number of workers; `limit` is the endpoint's in requests a second."""

    def __init__(self, fleet: Fleet, limit: float | None) -> None:
        self._fleet = fleet
        self._limit = limit
        self._known: dict[int, Scaled] = {}
        self._runs: dict[int, FleetRun] = {}

    def of(self, workers: int) -> Scaled:
        """Return the job with so many workers."""
        if workers not in self._known:
            self._known[workers] = self._simulated(workers) or self._scaled_up(workers)
        return self._known[workers]

    def table(self) -> Scaling:
        """Return the job with 1, 2, 4, ... workers, as far as throughput grows, and how it ends."""
        rows: list[Scaled] = []
        flat = 0
        workers = 1
        while workers <= MOST_WORKERS and flat < 2:  # noqa: PLR2004 - two doublings without growth
            rows.append(self.of(workers))
            best = max((row.requests_per_second for row in rows[: len(rows) - flat - 1]), default=0.0)
            flat = 0 if rows[-1].requests_per_second > _GROWS * best else flat + 1
            workers *= 2
        if flat < 2:  # noqa: PLR2004 - as above
            return Scaling(rows)
        last, most = rows[-flat - 1], self.of(MOST_WORKERS)
        if all(_alike(last, other) for other in (*rows[-flat:], most)):
            return Scaling(rows[:-flat], 2 * last.workers)
        return Scaling([*rows, most] if rows[-1].workers < MOST_WORKERS else rows)

    def _simulated(self, workers: int) -> Scaled | None:
        fleet = self._fleet._replace(workers=workers)
        latency = mean_latency(fleet.endpoint.latency)
        in_flight = float(workers * fleet.places)
        if self._limit is not None:
            in_flight = min(in_flight, self._limit * latency)
        small = fleet.requests <= fleet.most_events
        if not small and _SETTLES * in_flight > fleet.most_events:
            return None
        run = simulate(fleet)
        if not run.settled and self._limit is None and self._runs:
            return None
        self._runs[workers] = run
        seconds = run.seconds + (fleet.requests - run.answers) / run.rate
        return self._row(workers, seconds, run.in_flight, run.throttled, run.messages)

    def _scaled_up(self, workers: int) -> Scaled:
        """Take throughput to grow as before, up to the limit; the beginning takes longer by the doublings."""
        if not any(known < workers for known in self._runs):
            self.of(1)
        base = max(known for known in self._runs if known < workers)
        run, fleet = self._runs[base], self._fleet
        shards = math.ceil(fleet.requests / fleet.shard_rows)
        rate = run.rate * max(1.0, min(workers, shards) / base)
        rate = min(rate, self._limit) if self._limit is not None else rate
        lost = max(0.0, run.seconds - run.answers / run.rate)
        doublings = 1 + math.log2(workers / base) / math.log2(2 * base * fleet.places)
        in_flight = min(rate * mean_latency(fleet.endpoint.latency), workers * fleet.places)
        seconds = lost * doublings + fleet.requests / rate
        messages = min(_MOST_MESSAGES, run.messages * workers / base)
        return self._row(workers, seconds, in_flight, run.throttled, messages, simulated=False)

    def _row(
        self,
        workers: int,
        seconds: float,
        in_flight: float,
        throttled: float,
        messages: float,
        *,
        simulated: bool = True,
    ) -> Scaled:
        rate = self._fleet.requests / seconds
        return Scaled(
            workers=workers,
            requests_per_second=rate,
            of_limit=None if self._limit is None else rate / self._limit,
            in_flight=in_flight,
            seconds=seconds,
            throttled=throttled,
            messages_per_second=messages,
            simulated=simulated,
        )


def _alike(one: Scaled, other: Scaled) -> bool:
    rates = sorted((one.requests_per_second, other.requests_per_second))
    return rates[1] <= _ALIKE * rates[0] and abs(one.throttled - other.throttled) < _ALIKE - 1
