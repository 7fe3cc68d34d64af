"""A worker: owns an event loop, its stages and their clients; takes shards from source to commit."""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from nemo_sdg.engine.commit import commit_shard
from nemo_sdg.engine.flusher import Flusher
from nemo_sdg.engine.heartbeat import BEAT, Heartbeat, OpenShard
from nemo_sdg.engine.journal import ShardJournal
from nemo_sdg.engine.manifest import ShardDone
from nemo_sdg.engine.shard_runner import ShardState
from nemo_sdg.engine.span import Span
from nemo_sdg.engine.stage_host import StageHost
from nemo_sdg.engine.work import Parcel, PoolWork, pack, unpack
from nemo_sdg.errors import FatalRequestError, NemoSDGError, OutputError, RunStopped
from nemo_sdg.report.numbers import Counts, EndpointUse, LimitUse
from nemo_sdg.report.text import one_line
from nemo_sdg.stages.own_code import place_of, told
from nemo_sdg.stages.rows import OK, STATUS, set_column

if TYPE_CHECKING:
    from nemo_sdg.engine.board import Notices
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.stage_host import Links
    from nemo_sdg.limits import BudgetName, Limiter

COLLECTION = (20_000, 20, 50)
"""Thresholds of garbage collection in a worker's process. As Python has them they cost a tenth of its CPU:
hundreds of rows are alive at a time, with their requests and answers, and hardly any of that is in cycles."""
_MOST_SHOWN = 300  # columns of the newest answer in a heartbeat: as wide as terminals are


class Worker:
    """Works on any number of shards at a time, each in a thread of the caller.

    `links` lead to the budgets that all workers share, those of one `job` as one. What it does is on `board`,
    and so is whether to stop. What a stage's `setup` raises is what comes of each shard.
    """

    def __init__(
        self, work: PoolWork, folder: RunFolder, links: Links, board: Notices, job: str = ""
    ) -> None:
        self.name = uuid.uuid4().hex[:12]
        self._work = work
        self._folder = folder
        self._board = board
        self._host = StageHost(work.stages, links, job)
        if not work.sends:
            self._host.send_nothing()
        self._held_back: dict[str, float] = {}
        self._open: dict[ShardJournal, Parcel] = {}
        self._flusher = Flusher(folder)
        self._lock = threading.Lock()
        self._span = Span()  # of journals that are closed
        self._closed = threading.Event()
        self._heart = threading.Thread(target=self._beat_until_closed, name="nemo-sdg-heart", daemon=True)
        self._heart.start()

    def run(self, parcel: Parcel) -> Parcel:
        """Take one shard through this pool's stages; the parcel says what came of it, and no exception."""
        if parcel.state != "going":
            return parcel
        journal: ShardJournal | None = None
        try:
            if self._is_done(parcel):
                return parcel
            if self._host.stopping:
                parcel.state = "stopped"
                return parcel
            journal = ShardJournal(self._folder, parcel.shard.index, self.name, parcel.counted)
            parcel.earlier.add(journal.earlier)
            with self._lock:
                self._open[journal] = msgspec.structs.replace(parcel, counts=_requests(parcel.counts))
            self._run(parcel, journal)
        except RunStopped as error:
            parcel.state, parcel.message = "stopped", str(error)
            if self._flusher.lost is not None:
                _fail(parcel, self._flusher.lost)
        except Exception as error:  # noqa: BLE001 - a worker must live on, and the driver must hear of it
            if isinstance(error, FatalRequestError):
                self.stop()
            _fail(parcel, error)
        finally:
            if journal is not None:
                self._close(journal, parcel)
        return parcel

    def _is_done(self, parcel: Parcel) -> bool:
        """Return whether the shard is committed already, and say so in `parcel`.

        So it is when Ray makes again what a lost node had, before the driver heard of it. Only where a shard
        enters and leaves is it looked for.
        """
        if self._work.source is None and self._work.sink is None:
            return False
        mark = self._folder.done_mark(parcel.shard.index)
        if mark is None:
            return False
        parcel.state, parcel.rejections, parcel.rows = "done", [], b""
        parcel.counts, parcel.earlier, parcel.models = mark.counts, Counts(), mark.models
        return True

    def _close(self, journal: ShardJournal, parcel: Parcel) -> None:
        try:
            journal.close()
            if parcel.state == "done":
                journal.merge()
        except OutputError as error:
            if parcel.state != "done":  # else all that matters is kept
                _fail(parcel, error)
        with self._lock:
            del self._open[journal]
            self._span.join(journal.span)
        parcel.counts.add(journal.counts)
        parcel.counted = journal.counted
        parcel.span.join(journal.span)

    def stop(self) -> None:
        """Send nothing more, begin no shard; what is in flight arrives and is kept."""
        self._host.stop()

    def abort(self) -> None:
        """Stop now: what is in flight is given up."""
        self._host.abort()

    def close(self) -> None:
        """Close stages, connections and threads."""
        self._closed.set()
        self._heart.join()
        self._host.close()
        self._flusher.close()

    def _run(self, parcel: Parcel, journal: ShardJournal) -> None:
        if self._host.broken is not None:
            raise self._host.broken
        work = self._work
        rows = work.source.read(parcel.shard) if work.source else unpack(parcel.rows)
        state = ShardState.of(rows, parcel.rejections, parcel.counts)
        self._host.sequence.run(state, journal)
        parcel.models = sorted({*parcel.models, *journal.models})
        if work.sink is None:
            parcel.rows = pack(state.rows)
            return
        written = _typed(set_column(state.rows, STATUS, pa.array([OK] * state.rows.num_rows, pa.string())))
        outcome = Counts(rows_read=parcel.shard.rows, rows_written=written.num_rows)
        total = Counts()
        journal.flush()
        for counts in (parcel.counts, journal.counts, parcel.earlier, outcome):
            total.add(counts)
        done = ShardDone(parcel.shard.index, total, parcel.models)
        try:
            commit_shard(self._folder, work.sink, written, parcel.rejections, done)
        except OSError as error:
            raise OutputError(
                f"rows cannot be written to {self._folder.url} ({error.strerror or error}): "
                f"{self._folder.store.remedy}, then run the same command again: answers that are kept stay so"
            ) from None
        parcel.counts.add(outcome)
        parcel.state, parcel.rejections, parcel.rows = "done", [], b""

    def _beat_until_closed(self) -> None:
        while not self._closed.wait(BEAT):
            self._beat()

    def _beat(self) -> None:
        with self._lock:
            shards = dict(self._open)
            span = Span()
            span.join(self._span)
        self._flusher.flush(shards)  # first: what comes after may wait for others
        if self._flusher.lost is not None and not self._host.stopping:
            self.stop()
        opened: dict[int, OpenShard] = {}
        newest: ShardJournal | None = None
        for journal, parcel in shards.items():
            counts = Counts()
            counts.add(parcel.counts)
            counts.add(journal.counts)
            opened[parcel.shard.index] = OpenShard(counts, parcel.earlier)
            span.join(journal.span)
            if newest is None or (journal.span.last_answer or 0) > (newest.span.last_answer or 0):
                newest = journal
        limiters = self._host.limiters
        flows = [limiter.flow() for limiter in limiters]
        self._host.tick()
        for limiter in limiters:
            held_by = limiter.held_by()
            if held_by is not None and shards:
                part = BEAT / len(limiters)
                self._held_back[held_by] = self._held_back.get(held_by, 0.0) + part
        beat = Heartbeat(
            shards=opened,
            in_flight=sum(flow[0] for flow in flows),
            allowed=sum(flow[1] for flow in flows),
            newest=one_line((newest.newest or "")[:_MOST_SHOWN], _MOST_SHOWN) if newest else None,
            span=span,
            endpoints=[_use(name, limiter) for limiter, name in limiters.items()],
            held_back=dict(self._held_back),
        )
        if self._board.post(self.name, beat) and not self._host.stopping:
            self.stop()


def _fail(parcel: Parcel, error: Exception) -> None:
    parcel.state, parcel.error = "failed", type(error).__name__
    parcel.message = told(error)
    if not isinstance(error, NemoSDGError) and not place_of(error):
        parcel.message += f" (shard {parcel.shard.index})"


def _requests(counts: Counts) -> Counts:
    """Return what `counts` say of requests: rows are only counted when their shard is through."""
    return msgspec.structs.replace(counts, rows_read=0, rows_written=0, rejected={}, filtered={})


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
