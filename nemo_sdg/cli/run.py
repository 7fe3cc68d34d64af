"""`nemo-sdg run`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import typer

from nemo_sdg.cli import options
from nemo_sdg.cli.began import process_start
from nemo_sdg.cli.log_format import choose
from nemo_sdg.cli.native_stderr import native_stderr_hidden
from nemo_sdg.cli.typed import command_line, origin_of

if TYPE_CHECKING:
    from nemo_sdg.pipelines.job_config import JobConfig
    from nemo_sdg.report.numbers import Origin
    from nemo_sdg.report.observer import LogFormat

EXIT_FAILED = 1
EXIT_STOPPED = 3
"""Stopped as asked, by a signal or at a cap; all that was in flight is kept."""


@options.takes_config
def run(
    given: options.Given,
    *,
    fresh: options.Fresh = False,
    yes: options.Yes = False,
    retry: options.Retry = None,
    quiet: options.Quiet = False,
    log_format: options.LogFormat = None,
) -> None:
    """Run a job, or go on where it was stopped.

    The same command again resumes an unfinished run, and does nothing when the output is finished.
    Ctrl-C once finishes what is in flight and keeps it; twice stops now.

    Exit status: 0 finished; 1 failed; 2 wrong options or config; 3 stopped, all that was in flight is kept;
    130 or 143 stopped at once, what was in flight is asked again.
    """
    began = process_start()
    lines = choose(log_format, quiet=quiet)
    config = given.config()
    if fresh and not yes and sys.stdin.isatty():
        _confirm(config)
    origin = origin_of(config, command_line(*given))
    raise typer.Exit(_run(config, origin, began, quiet=quiet, log_format=lines, fresh=fresh, retry=retry))


def _confirm(config: JobConfig) -> None:
    from nemo_sdg.engine.folder import RunFolder  # noqa: PLC0415 - --help is quick without
    from nemo_sdg.engine.resume import holdings  # noqa: PLC0415 - see above

    if (found := holdings(RunFolder(config.output))) is not None:
        typer.confirm(f"throw away {found}?", abort=True, err=True)


def _run(
    config: JobConfig,
    origin: Origin,
    began: float,
    *,
    quiet: bool,
    log_format: LogFormat | None,
    fresh: bool,
    retry: str | None,
) -> int:
    from nemo_sdg.pipelines import pipeline_module  # noqa: PLC0415 - --help is quick without
    from nemo_sdg.report.observer import observer_for  # noqa: PLC0415 - see above

    with ExitStack() as stack:
        if config.simulated:
            config = stack.enter_context(_simulated(config))
        if config.engine == "ray":
            stack.enter_context(native_stderr_hidden())
        observer = observer_for(sys.stderr, quiet=quiet, log_format=log_format)
        pipeline = pipeline_module(config.pipeline).build(config)
        report = pipeline.run(
            engine=config.engine,
            workers=config.workers,
            address=config.address,
            shard_rows=config.shard_rows,
            max_rejected=config.max_rejected,
            max_cost=config.max_cost,
            max_tokens_total=config.max_tokens_total,
            prices=config.prices,
            stop_within=config.stop_within,
            fresh=fresh,
            retry=retry,
            observer=observer,
            began=began,
            origin=origin,
        )
    if report.state == "stopped":
        return 128 + report.given_up if report.given_up else EXIT_STOPPED
    return EXIT_FAILED if report.state == "failed" or report.message else 0


def _simulated(config: JobConfig) -> Any:
    from nemo_sdg.cli.simulated import check_reachable, simulated_endpoint  # noqa: PLC0415 - not for real ones

    check_reachable(config)
    return simulated_endpoint(config)
