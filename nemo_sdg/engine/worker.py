"""A worker: owns an event loop, its stages and their clients; takes shards from source to commit."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.engine.commit import commit_shard
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.journal import ShardJournal, Span
from nemo_sdg.engine.manifest import ShardDone
from nemo_sdg.engine.shard_runner import ShardState, StageSequence, failure_text
from nemo_sdg.engine.work import Parcel, PoolWork, pack, unpack
from nemo_sdg.errors import FatalRequestError, NemoSDGError, OutputError, RunStopped
from nemo_sdg.limits import BudgetName, Link
from nemo_sdg.report.numbers import Counts, EndpointUse, LimitUse
from nemo_sdg.stages.base import PaidStage
from nemo_sdg.stages.rows import OK, STATUS, set_column

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemo_sdg.limits import Limiter

BEAT = 0.5
"""Seconds between heartbeats; as often journals are flushed and the stop mark is looked for."""
COLLECTION = (20_000, 20, 50)
"""Thresholds of garbage collection in a worker's process. As Python has them they cost a tenth of its CPU:
hundreds of rows are alive at a time, with their requests and answers, and hardly any of that is in cycles."""


Links = Callable[[BudgetName], Link]
"""The way to the budget of a name."""


class Heartbeat(msgspec.Struct):
    """What a worker says of itself."""

    time: float
    """Unix seconds."""
    counts: Counts
    """Of shards that it has not committed yet."""
    in_flight: int
    allowed: int
    newest: str | None
    span: Span
    """Of the worker's whole life."""
    endpoints: list[EndpointUse] = []
    held_back: dict[str, float] = {}
    """Seconds of the worker's whole life, by what kept it from sending more."""


class Worker:
    """Works on any number of shards at a time, each in a thread of the caller.

    `environment` holds the variables that the stages read and this process may lack. `links` lead to the
    budgets that all workers share, those of one `job` as one. What a stage's `setup` raises is what comes of
    each shard.
    """

    def __init__(
        self, work: PoolWork, folder: Path, environment: Mapping[str, str], links: Links, job: str = ""
    ) -> None:
        os.environ.update(environment)
        self.name = uuid.uuid4().hex[:12]
        self._work = work
        self._folder = RunFolder(folder)
        self._loop = LoopThread("nemo-sdg-worker")
        self._sequence = StageSequence(work.stages, self._loop)
        self._limiters: dict[Limiter, BudgetName] = {}
        self._held_back: dict[str, float] = {}
        self._broken: Exception | None = None
        try:
            for stage in work.stages:
                stage.setup()
                if isinstance(stage, PaidStage):
                    self._limiters.update({limiter: name for name, limiter in stage.limiters.items()})
            for limiter, name in self._limiters.items():
                limiter.join(links(name), job)
        except Exception as error:  # noqa: BLE001 - the driver must hear of it, whatever it is
            self._broken = error
        self._journals: set[ShardJournal] = set()
        self._lock = threading.Lock()
        self._span = Span()  # of journals that are closed
        self._stopping = False
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat_until_closed, name="nemo-sdg-heart", daemon=True)
        self._heart.start()

    def run(self, parcel: Parcel) -> Parcel:
        """Take one shard through this pool's stages; the parcel says what came of it, and no exception."""
        if parcel.state != "going":
            return parcel
        journal: ShardJournal | None = None
        try:
            if self._stopping:
                parcel.state = "stopped"
                return parcel
            journal = ShardJournal(self._folder, parcel.shard.index, self.name)
            with self._lock:
                self._journals.add(journal)
            self._run(parcel, journal)
        except RunStopped as error:
            parcel.state, parcel.message = "stopped", str(error)
        except Exception as error:  # noqa: BLE001 - a worker must live on, and the driver must hear of it
            if isinstance(error, FatalRequestError):
                self.stop()
            parcel.state, parcel.error = "failed", type(error).__name__
            parcel.message = failure_text(error)
            if not isinstance(error, NemoSDGError):
                parcel.message += f" (shard {parcel.shard.index})"
        finally:
            if journal is not None:
                journal.close()
                with self._lock:
                    self._journals.discard(journal)
                    self._span.join(journal.span)
                parcel.counts.add(journal.counts)
                parcel.span.join(journal.span)
        return parcel

    def stop(self) -> None:
        """Send nothing more, begin no shard; what is in flight arrives and is kept."""
        self._stopping = True
        for limiter in self._limiters:
            limiter.stop()

    def abort(self) -> None:
        """Stop now: what is in flight is given up."""
        self.stop()
        self._loop.stop()

    def close(self) -> None:
        """Close stages, connections and threads."""
        self._closed.set()
        self._heart.join()
        for limiter in self._limiters:
            limiter.leave()
        for stage in self._work.stages:
            if isinstance(stage, PaidStage):
                self._loop.run(stage.close_paid())
            if self._broken is None:
                stage.close()
        self._loop.stop()
        self._folder.heartbeat(self.name).unlink(missing_ok=True)

    def _run(self, parcel: Parcel, journal: ShardJournal) -> None:
        if self._broken is not None:
            raise self._broken
        work = self._work
        rows = work.source.read(parcel.shard) if work.source else unpack(parcel.rows)
        state = ShardState.of(rows, parcel.rejections, parcel.counts)
        self._sequence.run(state, journal)
        parcel.models = sorted({*parcel.models, *journal.models})
        if work.sink is None:
            parcel.rows = pack(state.rows)
            return
        written = _typed(set_column(state.rows, STATUS, pa.array([OK] * state.rows.num_rows, pa.string())))
        outcome = Counts(rows_read=parcel.shard.rows, rows_written=written.num_rows)
        total = Counts()
        for counts in (parcel.counts, journal.counts, outcome):
            total.add(counts)
        journal.flush()
        done = ShardDone(parcel.shard.index, total, parcel.models)
        try:
            commit_shard(self._folder, work.sink, written, parcel.rejections, done)
        except OSError as error:
            raise OutputError(
                f"rows cannot be written to {self._folder.path} ({error.strerror or error}): make room or "
                "mend the file system, then run the same command again; no answer is asked for twice"
            ) from None
        parcel.counts.add(outcome)
        parcel.state, parcel.rejections, parcel.rows = "done", [], b""

    def _beat_until_closed(self) -> None:
        while not self._closed.wait(BEAT):
            with suppress(OSError, OutputError):  # a full disk shows at the commit, with what to do about it
                self._beat()

    def _beat(self) -> None:
        if not self._stopping and self._folder.stop_mark.exists():
            self.stop()
        with self._lock:
            journals = list(self._journals)
            span = Span()
            span.join(self._span)
        counts = Counts()
        newest: ShardJournal | None = None
        for journal in journals:
            journal.flush()
            counts.add(journal.counts)
            span.join(journal.span)
            if newest is None or (journal.span.last_answer or 0) > (newest.span.last_answer or 0):
                newest = journal
        flows = [limiter.flow() for limiter in self._limiters]
        for limiter in self._limiters:
            limiter.tick()
            held_by = limiter.held_by()
            if held_by is not None and journals:
                part = BEAT / len(self._limiters)
                self._held_back[held_by] = self._held_back.get(held_by, 0.0) + part
        beat = Heartbeat(
            time=time.time(),
            counts=counts,
            in_flight=sum(flow[0] for flow in flows),
            allowed=sum(flow[1] for flow in flows),
            newest=newest.newest if newest else None,
            span=span,
            endpoints=[_use(name, limiter) for limiter, name in self._limiters.items()],
            held_back=dict(self._held_back),
        )
        self._folder.store.write(f"_run/workers/{self.name}.json", msgspec.json.encode(beat))


def _use(name: BudgetName, limiter: Limiter) -> EndpointUse:
    limits = [LimitUse(use.name.replace("_", " "), *use[1:]) for use in limiter.uses]
    endpoint = name.endpoint if "://" in name.endpoint else ""
    return EndpointUse(endpoint, name.model, limits, limiter.paused)


def _typed(rows: pa.Table) -> pa.Table:
    """Return `rows` with columns that hold nothing but nulls as text: other parts may have text there."""
    for field in rows.schema:
        if pa.types.is_null(field.type):
            rows = set_column(rows, field.name, rows.column(field.name).cast(pa.string()))
    return rows
