"""One shard through a sequence of stages."""

from __future__ import annotations

import inspect
import threading
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from nemo_sdg.errors import ConfigError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages.base import ENDS_THE_JOB, PaidStage
from nemo_sdg.stages.own_code import defined_at, told
from nemo_sdg.stages.rows import ROW_ID, Rejection, reject, split_rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.client.loop_thread import LoopThread
    from nemo_sdg.stages.base import Ledger, Stage


class ShardState(msgspec.Struct):
    """The rows of a shard between two stages, and what became of the others."""

    rows: pa.Table
    rejections: list[Rejection] = []
    counts: Counts = msgspec.field(default_factory=Counts)

    @classmethod
    def of(cls, rows: pa.Table, rejections: list[Rejection], counts: Counts) -> ShardState:
        """Return the state before the first stage: what is wrong with a row of the source rejects it."""
        state = cls(rows, rejections, counts)
        state.rows = state.without_rejected(rows)
        return state

    def count(self, stage: Stage, batch: pa.Table, made: pa.Table) -> None:
        """Count what became of the number of rows of `batch`, of which `stage` made `made`."""
        fewer = batch.num_rows - made.num_rows
        lost = _lost(batch, made)
        filtered = lost if stage.joins else max(lost, fewer)
        joined = max(0, fewer - filtered)
        self.counts.joined += joined
        self.counts.added += filtered + joined - fewer
        _add(self.counts.filtered, stage.name, filtered)

    def without_rejected(self, rows: pa.Table) -> pa.Table:
        """Return the rows that go on; keep and count the others."""
        rows, rejections = split_rejected(rows)
        self.rejections += rejections
        for rejection in rejections:
            _add(self.counts.rejected, f"{rejection.stage}: {rejection.error}", 1)
        return rows


class StageSequence:
    """Runs stages one after the other on the rows of a shard; several threads may run one shard each.

    A stage object gets one batch at a time, for it may not be made for several threads; asynchronous stages
    run on `loop` and get as many as there are.
    """

    def __init__(self, stages: Sequence[Stage], loop: LoopThread) -> None:
        self._stages = [(stage, threading.Lock()) for stage in stages]
        self._loop = loop

    def run(self, state: ShardState, ledger: Ledger) -> None:
        """Take `state` through all stages; raises only what ends the job."""
        for _ in self.steps(state, ledger):
            pass

    def steps(self, state: ShardState, ledger: Ledger) -> Iterator[tuple[Stage, pa.Table]]:
        """As `run`; yield each stage when `state` is through it, and the rows before it."""
        for stage, lock in self._stages:
            if state.rows.num_rows == 0:
                return  # whoever takes the largest of no values would fail
            before = state.rows
            rows: list[pa.Table] = []
            for batch in _batches(before, stage.batch_size):
                made = self._process(stage, lock, batch, ledger)
                state.count(stage, batch, made)
                rows.append(state.without_rejected(made))
            state.rows = _concatenated(rows, stage)
            yield stage, before

    def _process(self, stage: Stage, lock: threading.Lock, batch: pa.Table, ledger: Ledger) -> pa.Table:
        try:
            made = self._call(stage, lock, batch, ledger)
        except ENDS_THE_JOB:
            raise
        except SystemExit as error:  # it would end the worker, and the next one
            raise ConfigError(
                f"stage {stage.name} wants to exit; raise an error instead: {told(error)}"
            ) from None
        except Exception as error:  # noqa: BLE001 - a stage may raise anything; only the rows at fault pay
            if batch.num_rows == 1:
                return reject(batch, {0: error}, stage.name)
            alone = [self._process(stage, lock, row, ledger) for row in _batches(batch, 1)]
            return _concatenated(alone, stage)
        if not isinstance(made, pa.Table):
            where = defined_at(type(stage).process)
            raise ConfigError(
                f"stage {stage.name}{where} returned {type(made).__name__}: return a pyarrow.Table"
            )
        return made

    def _call(self, stage: Stage, lock: threading.Lock, batch: pa.Table, ledger: Ledger) -> Any:
        if isinstance(stage, PaidStage):
            return self._loop.run(stage.process_paid(batch, ledger))
        if inspect.iscoroutinefunction(stage.process):
            return self._loop.run(stage.process(batch))
        with lock:
            return stage.process(batch)


def _batches(rows: pa.Table, size: int | None) -> Iterator[pa.Table]:
    if size is None or rows.num_rows <= size:
        yield rows
        return
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def _concatenated(tables: list[pa.Table], stage: Stage) -> pa.Table:
    if len(tables) == 1:
        return tables[0]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowInvalid as error:
        raise ConfigError(f"stage {stage.name} returns batches of different types: {error}") from None


def _lost(batch: pa.Table, made: pa.Table) -> int:
    """Return the number of rows of `batch` of whose `row_id` nothing is left in `made`."""
    if ROW_ID not in made.column_names or ROW_ID not in batch.column_names:
        return int(max(0, batch.num_rows - made.num_rows))
    before, now = batch.column(ROW_ID), made.column(ROW_ID)
    if before.equals(now):
        return 0
    left = pc.sum(pc.is_in(before, now.combine_chunks())).as_py() or 0
    return int(batch.num_rows - left)


def _add(counts: dict[str, int], key: str, number: int) -> None:
    if number > 0:
        counts[key] = counts.get(key, 0) + number
