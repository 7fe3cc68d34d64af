"""How far a run is: committed shards, parcels of this run and workers' heartbeats put together."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from nemo_sdg.engine.span import Span
from nemo_sdg.report.numbers import Counts, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.engine.board import Board
    from nemo_sdg.engine.heartbeat import Heartbeat, OpenShard
    from nemo_sdg.engine.manifest import ShardDone
    from nemo_sdg.engine.work import Parcel
    from nemo_sdg.report.numbers import EndpointUse

_DEAD_AFTER = 10.0  # seconds without a heartbeat
_RATE_MARKS = 9  # snapshots that a rate looks back


class Progress:
    """Adds up what is known of a run; safe for the threads that feed and read it.

    `before` are the committed shards, `kept` is what was paid for others in earlier runs. `began` is when the
    command started, in Unix seconds.
    """

    def __init__(
        self,
        board: Board,
        rows: int,
        before: Iterable[ShardDone],
        kept: Mapping[int, Counts],
        began: float,
    ) -> None:
        self._board = board
        self._rows = rows
        self.workers_wanted = 0
        self.began = began
        self._lock = threading.Lock()
        self._before = Counts()
        self.models: set[str] = set()
        for done in before:
            self._before.add(done.counts)
            self.models.update(done.models)
        self._now = Counts()
        self._earlier = Counts()  # what earlier attempts had paid for the shards of `_now`
        self._back: set[int] = set()  # the shards of `_now`
        self._kept = dict(kept)  # of shards that are not in `_now`
        self._span = Span()
        self._marks: deque[tuple[float, int]] = deque(maxlen=_RATE_MARKS)

    def add(self, parcel: Parcel) -> None:
        """Take in what came back of a shard."""
        with self._lock:
            self._now.add(parcel.counts)
            self._earlier.add(parcel.earlier)
            self._back.add(parcel.shard.index)
            self._kept.pop(parcel.shard.index, None)
            self._span.join(parcel.span)
            self.models.update(parcel.models)

    def counts(self) -> Counts:
        """Return the counts of this run and the earlier ones."""
        with self._lock:
            return _sum(self._before, self._earlier, self._now, *self._kept.values())

    def judged(self) -> tuple[int, int]:
        """Return how many rows are rejected, of how many, in all runs; open shards' as far as requests go."""
        with self._lock:
            counts = _sum(self._before, self._now)
            opened = self._open(self._alive())
        rejected, rows = counts.rows_rejected, counts.rows_read + counts.added
        for shard in opened.values():
            rejected += shard.counts.failures
            rows += shard.counts.requests + shard.counts.reused
        return min(rejected, rows), rows

    def requests_a_second(self, snapshot: Snapshot) -> float:
        """Return how fast this run's requests are answered; to be called with each snapshot."""
        self._marks.append((snapshot.elapsed, snapshot.counts.requests - snapshot.requests_before))
        (before, few), (now, many) = self._marks[0], self._marks[-1]
        return max(0.0, (many - few) / (now - before)) if now > before else 0.0

    def snapshot(self) -> Snapshot:
        """Return the state at this moment."""
        alive = self._alive()
        with self._lock:
            opened = self._open(alive)
            closed = [paid for shard, paid in self._kept.items() if shard not in opened]
            before = _sum(self._before, self._earlier, *closed, *(shard.earlier for shard in opened.values()))
            counts = _sum(before, self._now, *(shard.counts for shard in opened.values()))
        newest = max(alive, key=lambda beat: beat.span.last_answer or 0.0, default=None)
        return Snapshot(
            elapsed=time.time() - self.began,
            rows_total=self._rows,
            rows_before=self._before.rows_read,
            counts=counts,
            in_flight=sum(beat.in_flight for beat in alive),
            allowed=sum(beat.allowed for beat in alive),
            workers=len(alive),
            workers_wanted=self.workers_wanted,
            latency=[latency for beat in alive for latency in beat.span.latency],
            newest=newest.newest if newest else None,
            requests_before=before.requests,
            tokens_before=before.prompt_tokens + before.completion_tokens,
            endpoints=_merged([beat.endpoints for beat in alive]),
            held_back=self.held_back(),
        )

    def held_back(self) -> dict[str, float]:
        """Return the seconds of this run's workers by what kept them from sending more."""
        total: dict[str, float] = {}
        for beat in self._board.beats().values():
            for reason, seconds in beat.held_back.items():
                total[reason] = total.get(reason, 0.0) + seconds
        return total

    def seconds_to_first_request(self) -> float | None:
        """Return the seconds from the command to the first request of this run."""
        first = self._span.first_request
        return None if first is None else first - self.began

    def requests_per_second(self) -> float | None:
        """Return the answered requests of this run over the time from the first to the last of them."""
        first, last = self._span.first_request, self._span.last_answer
        return self._now.requests / (last - first) if first and last and last > first else None

    def latencies(self) -> list[float]:
        """Return a sample of this run's latencies, in seconds."""
        return self._span.latency

    def _alive(self) -> list[Heartbeat]:
        now = time.time()
        return [beat for beat in self._board.beats().values() if now - beat.time < _DEAD_AFTER]

    def _open(self, alive: Iterable[Heartbeat]) -> dict[int, OpenShard]:
        """Return the shards that did not come back, each as who told of it last: workers hand them on."""
        told = {shard: of for beat in sorted(alive, key=_time) for shard, of in beat.shards.items()}
        return {shard: of for shard, of in told.items() if shard not in self._back}


def _time(beat: Heartbeat) -> float:
    return beat.time


def _sum(*parts: Counts) -> Counts:
    total = Counts()
    for part in parts:
        total.add(part)
    return total


def _merged(of_workers: Iterable[list[EndpointUse]]) -> list[EndpointUse]:
    """Return each endpoint once, as the worker says it that knows most: all share one budget."""
    known: dict[tuple[str, str], EndpointUse] = {}
    for uses in of_workers:
        for use in uses:
            held = known.get((use.endpoint, use.model))
            if held is None or len(use.limits) >= len(held.limits):
                known[use.endpoint, use.model] = use
    return [known[name] for name in sorted(known)]
