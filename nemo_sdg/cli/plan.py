"""`nemo-sdg plan`."""

from __future__ import annotations

import math
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from nemo_sdg.cli import options
from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.pipelines.job_config import JobConfig
    from nemo_sdg.planner.job_plan import JobPlan

_PLAN = "The plan"


@options.takes_config
def plan(
    given: options.Given,
    *,
    measure: Annotated[
        int | None,
        typer.Option(help="Send so many real requests first, to measure.", min=1, rich_help_panel=_PLAN),
    ] = None,
    latency: Annotated[
        float | None,
        typer.Option(help="Seconds of an answer, in the middle; else measured or 2.", rich_help_panel=_PLAN),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Say how long a job will take, what it will cost, and how many workers are of use.

    Nothing is sent and nothing started: the job's own limiters run in simulated time. With --measure N the
    first N rows are asked for, which costs; nothing of them is kept.
    """
    if latency is not None and measure is not None:
        raise ConfigError("--latency and --measure: give one of them, for --measure finds the latency")
    if latency is not None and not 0 < latency < math.inf:
        raise ConfigError(f"--latency is {latency!r}: give seconds, above 0")
    from nemo_sdg.planner.show import show  # noqa: PLC0415 - --help is quick without

    show(_plan(given.config(), measure or 0, latency, quiet=quiet), sys.stdout, as_json=as_json)


def _plan(config: JobConfig, measure: int, latency: float | None, *, quiet: bool) -> JobPlan:
    from nemo_sdg.cli.simulated import simulated_endpoint, simulator_settings  # noqa: PLC0415 - see above
    from nemo_sdg.pipelines import pipeline_module  # noqa: PLC0415 - see above
    from nemo_sdg.planner.plan import Setting, plan_job  # noqa: PLC0415 - see above
    from nemo_sdg.planner.walk import look_at  # noqa: PLC0415 - see above

    settings = simulator_settings(config) if config.simulated else None
    with ExitStack() as stack:
        if measure and config.simulated:
            config = stack.enter_context(simulated_endpoint(config))
        pipeline = pipeline_module(config.pipeline).build(config)
        told = None if quiet else _progress(simulated=settings is not None)
        job = look_at(pipeline, config.shard_rows, measure, told)
    setting = Setting(
        pipeline=pipeline.name,
        engine=config.engine,
        workers=config.workers,
        prices=config.prices,
        simulator=settings,
        latency=latency,
    )
    return plan_job(job, setting)


def _progress(*, simulated: bool) -> Callable[[int, int], None]:
    """Return what shows on standard error how many requests of a measurement are answered."""
    from nemo_sdg.report.phrases import MARK  # noqa: PLC0415 - see above
    from nemo_sdg.report.stream import SteadyStream  # noqa: PLC0415 - see above

    stream = SteadyStream(sys.stderr)
    mark = MARK if simulated else ""
    live = stream.isatty()

    def told(done: int, number: int) -> None:
        if live or done == number or done % max(1, number // 10) == 0:
            line = f"{mark}measuring: {done:,} of {number:,} requests answered"
            stream.write(f"\r{line}" + ("\n" if done == number else "") if live else f"{line}\n")
            stream.flush()

    return told
