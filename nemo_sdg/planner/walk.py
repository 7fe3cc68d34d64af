"""The first rows of a source on their way through the stages, as far as that costs nothing."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from nemo_sdg.client import AsyncLLMClient, GenerationConfig
from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.client.token_estimate import TokenEstimate
from nemo_sdg.engine.preflight import preflight
from nemo_sdg.engine.shard_runner import ShardState, StageSequence
from nemo_sdg.errors import ConfigError, NemoSDGError
from nemo_sdg.limits import Limits, Tokens
from nemo_sdg.planner.asked import Asked, Job
from nemo_sdg.planner.measured import Recorder
from nemo_sdg.redact import shown_url
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages.base import MemoryLedger, PaidStage, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemo_sdg.pipeline import Pipeline
    from nemo_sdg.stages.base import Ledger, Shard, Stage

SAMPLE = 200
"""Rows whose prompts are looked at."""


def look_at(
    pipeline: Pipeline,
    shard_rows: int | None = None,
    measure: int = 0,
    told: Callable[[int, int], None] | None = None,
) -> Job:
    """Return what the job of `pipeline` is.

    The stages before the first one that asks run on the first rows. With `measure` that one is asked for so
    many rows; `told(done, all)` hears how far that is. Raises what the pipeline would raise.
    """
    pipeline.check()
    source, *stages = pipeline.steps[:-1]
    assert isinstance(source, Source)
    shards = source.plan(shard_rows)
    rows = sum(shard.rows for shard in shards)
    first = _first_rows(source, shards, min(rows, measure or SAMPLE))
    ledger = Recorder(first.num_rows, told) if measure else None
    with _Walk(pipeline.name, first, ledger) as walk:
        walk.through([stage for stage in stages if not isinstance(stage, Source)])  # type: ignore[misc]
    return Job(rows, max(shard.rows for shard in shards), walk.asked, ledger.measured() if ledger else None)


def _first_rows(source: Source, shards: Sequence[Shard], number: int) -> pa.Table:
    tables: list[pa.Table] = []
    for shard in shards:
        tables.append(source.read(shard))
        if sum(table.num_rows for table in tables) >= number:
            break
    return pa.concat_tables(tables, promote_options="permissive").slice(0, number)


class _Walk:
    """Takes rows through stages as far as that costs nothing, or what may be measured."""

    def __init__(self, pipeline: str, rows: pa.Table, recorder: Recorder | None) -> None:
        self.asked: list[Asked] = []
        self._pipeline = pipeline
        self._sample = rows.num_rows
        self._state = ShardState.of(rows, [], Counts())
        self._recorder = recorder
        self._loop = LoopThread("nemo-sdg-plan")
        self._per_row = 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.stop()

    def through(self, stages: Sequence[Stage]) -> None:
        """Find what each of `stages` asks that does."""
        before: list[Stage] = []
        for stage in stages:
            if not isinstance(stage, PaidStage):
                before.append(stage)
                continue
            if self._state.rows.num_rows and not (self.asked and self._recorder is None):
                for each in before:
                    self._run(each, MemoryLedger())
                self._look(stage)
            else:
                self._per_row *= math.prod(each.rows_each for each in before)
                self._guess(stage)
            before = []
        if not self.asked:
            raise ConfigError(
                f"pipeline {self._pipeline} asks no model: add a stage such as LLMGenerationStage, or run it "
                "right away"
            )

    def _look(self, stage: PaidStage) -> None:
        rows = self._state.rows
        config = GenerationConfig.of(getattr(stage, "generation_config", None))
        messages = _messages(stage, rows)
        if messages == [] and not self.asked:
            why = "; ".join(self._state.counts.rejected) or "; ".join(self._state.counts.filtered)
            raise ConfigError(
                f"none of the first {self._sample} rows has a prompt for {stage.name}"
                f"{f' ({why})' if why else ''}: look at the stages before it"
            )
        estimate = TokenEstimate()
        asked = [[]] * rows.num_rows if messages is None else messages
        tokens = [estimate.of(each, config) for each in asked]
        if not self.asked and self._recorder is not None:
            self._recorder.number = len(asked)
            tokens = self._measure(stage, self._recorder) or tokens
        if not tokens:
            self._guess(stage)
            return
        per_row = len(asked) / self._sample
        self._add(stage, tokens, per_row, guessed=messages is None)
        self._per_row = per_row * stage.rows_each

    def _guess(self, stage: PaidStage) -> None:
        """Take its prompts to hold the prompt and the answer of the stage that asks before it."""
        last = self.asked[-1]
        most = TokenEstimate().of([], GenerationConfig.of(getattr(stage, "generation_config", None)))
        tokens = [Tokens(each.prompt + each.completion, most.completion) for each in last.tokens]
        self._add(stage, tokens, self._per_row, guessed=True)
        self._per_row *= stage.rows_each

    def _measure(self, stage: PaidStage, recorder: Recorder) -> list[Tokens]:
        preflight([stage])
        try:
            self._run(stage, recorder)
        finally:
            self._loop.run(stage.close_paid())
        recorder.finish(stage.limiters.values())
        return [each for each in recorder.tokens if each.total]

    def _run(self, stage: Stage, ledger: Ledger) -> None:
        stage.setup()
        try:
            StageSequence([stage], self._loop).run(self._state, ledger)
        finally:
            stage.close()

    def _add(self, stage: PaidStage, tokens: list[Tokens], per_row: float, *, guessed: bool) -> None:
        client = getattr(stage, "client", None)
        clients = getattr(client, "clients", None) or [client]  # those of a pool
        urls = [shown_url(str(url)) for each in clients if (url := getattr(each, "base_url", None))]
        self.asked.append(
            Asked(
                stage=stage.name,
                model=str(getattr(stage, "model_name", "")),
                endpoint=" ".join(urls),
                requests_per_row=per_row,
                tokens=tokens,
                places=stage.most_in_flight,
                limits=_together(
                    [each.limits if isinstance(each, AsyncLLMClient) else Limits() for each in clients]
                ),
                endpoints=len(clients),
                hedged=any(getattr(each, "hedge", None) is not None for each in clients),
                guessed=guessed,
            )
        )


def _messages(stage: PaidStage, rows: pa.Table) -> list[list[dict[str, Any]]] | None:
    """Return what `stage` sends for each of `rows` that it sends anything for; None where it does not say."""
    function = getattr(stage, "messages_for", None)
    if function is None or inspect.iscoroutinefunction(function):
        return None
    found = []
    for row in rows.to_pylist():
        try:
            found.append(list(function(row)))
        except ConfigError:
            raise
        except NemoSDGError:
            continue  # the row would be rejected unasked
    return found


def _together(limits: Sequence[Limits]) -> Limits:
    """Return what several endpoints allow together."""
    sums = {
        name: sum(values) if None not in values else None
        for name in Limits.__struct_fields__
        for values in [[getattr(each, name) for each in limits]]
    }
    return Limits(**sums)
