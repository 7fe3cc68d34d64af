"""`nemo-sdg preview`."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from typing import Annotated

import typer

from nemo_sdg.cli import options

_PREVIEW = "The preview"
_INTERRUPTED = 130


@options.takes_config
def preview(
    given: options.Given,
    *,
    rows: Annotated[
        int, typer.Option("--rows", "-n", help="Rows to show.", min=1, rich_help_panel=_PREVIEW)
    ] = 5,
    first: Annotated[
        int, typer.Option("--from", help="Row to begin with.", min=0, rich_help_panel=_PREVIEW)
    ] = 0,
    full: Annotated[
        bool, typer.Option("--full", help="Cut no text short.", rich_help_panel=_PREVIEW)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print data.", rich_help_panel=_PREVIEW)] = False,
) -> None:
    """Take a few rows through the pipeline, and show all that happens to them.

    Shows what is asked and answered, what each stage makes of it, which rows are left out or rejected and
    why, and what the whole job would cost. The endpoint is asked, and paid. Nothing is written, no Ray is
    started; each row goes through the stages alone, and is shown as soon as it is through.
    """
    config = given.config()
    from nemo_sdg.pipelines import pipeline_module  # noqa: PLC0415 - --help is quick without
    from nemo_sdg.report.preview_show import PreviewData, PreviewText  # noqa: PLC0415 - see above

    simulated = config.simulated
    with ExitStack() as stack:
        if simulated:
            from nemo_sdg.cli.simulated import simulated_endpoint  # noqa: PLC0415 - not for real endpoints

            config = stack.enter_context(simulated_endpoint(config))
        pipeline = pipeline_module(config.pipeline).build(config)
        made = pipeline.preview(rows, first=first, shard_rows=config.shard_rows, prices=config.prices)
        for note in made.notes:
            typer.echo(note, err=True)
        show = PreviewData(sys.stdout) if as_json else PreviewText(sys.stdout, full=full)
        show.begin(pipeline.name, made.rows_total, simulated=simulated)
        try:
            with closing(iter(made)) as coming:
                for trace in coming:
                    show.row(trace)
        except KeyboardInterrupt:
            typer.echo("\nstopped: what was in flight is given up, and may have to be paid", err=True)
            status = _INTERRUPTED
        else:
            status = 0
        show.end(made.summary())
    raise typer.Exit(status)
