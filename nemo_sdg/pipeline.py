"""A pipeline: a source, stages and a sink, checked and run together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, Self

from nemo_sdg.column_check import check_columns
from nemo_sdg.engine.caps import Caps
from nemo_sdg.engine.job import run_job
from nemo_sdg.engine.plan import Plan
from nemo_sdg.engine.prices import Prices
from nemo_sdg.errors import ConfigError
from nemo_sdg.report.observer import observer_for
from nemo_sdg.stages.base import CompositeStage, Sink, Source, Stage
from nemo_sdg.stages.function import stage as stage_of
from nemo_sdg.stages.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nemo_sdg.engine.preview import Preview
    from nemo_sdg.report.checkup import Checkup
    from nemo_sdg.report.numbers import Origin, RunReport
    from nemo_sdg.report.observer import Observer

_CAPS = ("max_rejected", "max_cost", "max_tokens_total", "prices")
_OPTIONS = ("engine", "workers", "address", "shard_rows", "stop_within", *_CAPS)


class Pipeline:
    """Steps in order: one source first, any number of stages, one writer last.

    `stages` may hold plain functions on a batch. `config` holds options for `run`, used where a call
    names none.
    """

    def __init__(
        self,
        name: str,
        description: str | None = None,
        stages: Iterable[Step | Callable[..., Any]] = (),
        config: Mapping[str, Any] | None = None,
    ) -> None:
        given: object = description
        if given is not None and not isinstance(given, str):
            kind = type(given).__name__
            raise ConfigError(
                f"description of pipeline {name} is a {kind}: give text, and stages as stages=[...]"
            )
        self.name = name
        self.description = description
        self.config = dict(config or {})
        unknown = sorted(set(self.config) - set(_OPTIONS))
        if unknown:
            raise ConfigError(
                f"config of pipeline {name} has no {unknown[0]!r}: it takes {', '.join(_OPTIONS)}"
            )
        self._steps: list[Step] = []
        for stage in stages or ():
            self.add_stage(stage)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps in order, composite ones taken apart."""
        return tuple(self._steps)

    def add_stage(self, stage: Step | Callable[..., Any]) -> Self:
        """Append a source, stage, writer, composite stage or function on a batch; return the pipeline."""
        if isinstance(stage, CompositeStage):
            for part in stage.decompose():
                self.add_stage(part)
        elif isinstance(stage, Step):
            self._steps.append(stage)
        elif callable(stage):
            self._steps.append(stage_of(stage))
        else:
            raise ConfigError(f"{stage!r:.80} is no stage: give a Stage, a reader, a writer or a function")
        return self

    def describe(self) -> str:
        """Return the pipeline in words, a line for each step: what it needs and what it makes."""
        lines = [f"{self.name}: {self.description}" if self.description else self.name]
        lines += [f"  {number}. {step.describe()}" for number, step in enumerate(self._steps, 1)]
        return "\n".join(lines)

    def check(self) -> None:
        """Raise `ConfigError` when steps do not fit together, `MissingColumnError` for a missing column."""
        self._taken_apart()

    def run(
        self,
        *,
        engine: str | None = None,
        workers: int | Literal["auto"] | None = None,
        address: str | None = None,
        shard_rows: int | None = None,
        max_rejected: float | None = None,
        max_cost: float | None = None,
        max_tokens_total: int | None = None,
        prices: Prices | Mapping[str, float] | None = None,
        stop_within: float | None = None,
        fresh: bool = False,
        retry: str | None = None,
        observer: Observer | None = None,
        began: float | None = None,
        origin: Origin | None = None,
    ) -> RunReport:
        """Run, or go on where a stopped run into the same folder was; return what happened.

        `engine` is "ray" (by default) or "local" (this process alone, without Ray). `workers` is the number
        of Ray actors (2), each with a client of its own, or "auto": as many as the limits can feed. `address`
        is that of a Ray cluster (None: RAY_ADDRESS, else Ray is started here). A shard of `shard_rows` rows
        is what a worker takes and commits at a time.

        The job ends early when surely more than the share `max_rejected` (0.5) of rows is rejected, or when
        `max_cost` (in the money of `prices`: `prompt` and `completion`, for a million tokens each) or
        `max_tokens_total` is reached, counted over all runs into the folder. After Ctrl-C or SIGTERM what is
        in flight has `stop_within` seconds (25). `fresh` throws away what the folder holds. `retry` asks rows
        again that were "rejected", or whose answers were cut off at `max_tokens`: "truncated".

        Progress goes to `observer`, by default to standard error; `began` is when the command started, in
        Unix seconds, and `origin` what was typed, for the report.

        Raises `ConfigError`, `OutputError` and `FatalRequestError` for what shows before work begins; see
        `state` and `message` of the returned report for what came later.
        """
        given = {
            "engine": engine,
            "workers": workers,
            "address": address,
            "shard_rows": shard_rows,
            "max_rejected": max_rejected,
            "max_cost": max_cost,
            "max_tokens_total": max_tokens_total,
            "prices": prices,
            "stop_within": stop_within,
        }
        plan = self._plan(given, fresh=fresh, retry=retry, origin=origin)
        return run_job(plan, observer or observer_for(sys.stderr), began)

    def preview(
        self,
        rows: int = 5,
        *,
        first: int = 0,
        shard_rows: int | None = None,
        prices: Prices | Mapping[str, float] | None = None,
    ) -> Preview:
        """Return the `rows` rows from `first` on, to be taken through the stages here by iterating.

        Each comes as a `RowTrace`: what was asked and answered for it, what each stage made of it, and what
        became of it. The endpoint is asked, and paid; nothing is written. See `Preview`.
        """
        from nemo_sdg.engine.preview import Preview  # noqa: PLC0415 - a run needs none

        return Preview(self._plan({"shard_rows": shard_rows, "prices": prices}), rows, first)

    def checkup(
        self,
        *,
        ask: bool = True,
        shard_rows: int | None = None,
        told: Callable[[int], None] | None = None,
    ) -> Checkup:
        """Return what is found of the steps, the input, the output and the endpoints, before anything runs.

        With `ask` each endpoint and model is asked one tiny question, which is paid; `told` hears before of
        how many. Raises `ConfigError` when steps do not fit together, or the input cannot be used; what is
        wrong with output and endpoints is in what is returned.
        """
        from nemo_sdg.engine.checkup import checkup  # noqa: PLC0415 - a run needs none

        return checkup(self._plan({"shard_rows": shard_rows}), ask=ask, told=told)

    def _plan(self, given: Mapping[str, Any], **more: Any) -> Plan:
        """Return what is to run, with the options that are `given` in place of those of the pipeline."""
        options = {**self.config, **{key: value for key, value in given.items() if value is not None}}
        caps = {key: options.pop(key) for key in _CAPS if key in options}
        caps["prices"] = Prices.of(caps.get("prices"))
        source, stages, sink = self._taken_apart()
        return Plan(self.name, source, stages, sink, **options, caps=Caps(**caps), **more)

    def _taken_apart(self) -> tuple[Source, tuple[Stage, ...], Sink]:
        steps = self._steps
        if not steps or not isinstance(steps[0], Source):
            first = steps[0].name if steps else "nothing"
            raise ConfigError(
                f"pipeline {self.name} begins with {first}: begin with a source, such as JsonlReader or "
                "QAMultilingualSyntheticStage"
            )
        if not isinstance(steps[-1], Sink):
            raise ConfigError(
                f"pipeline {self.name} ends with {steps[-1].name}: end with a writer, such as "
                "ParquetWriter(path=...)"
            )
        between = steps[1:-1]
        for step in between:
            if not isinstance(step, Stage):
                raise ConfigError(
                    f"pipeline {self.name} has {step.name} in the middle: a source can only be first and a "
                    "writer only last"
                )
        check_columns(steps)
        return steps[0], tuple(step for step in between if isinstance(step, Stage)), steps[-1]
