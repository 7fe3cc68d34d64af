"""`nemo-sdg check`."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from nemo_sdg.cli import options

if TYPE_CHECKING:
    from nemo_sdg.report.checkup import Checkup

_CHECK = "The check"
_WIDTH = 80


@options.takes_config
def check(
    given: options.Given,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no endpoint.", rich_help_panel=_CHECK)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print data.", rich_help_panel=_CHECK)] = False,
) -> None:
    """Check a config, its stages, input and output, and ask each endpoint one tiny question.

    That question is paid: one request to each endpoint and model, with an answer of at most 16 tokens. It
    shows whether the key is accepted, the model is there and the sampling parameters are allowed, how long an
    answer takes, and which limits are told. Nothing is written.

    Exit status: 0 all is well; 1 an endpoint fails; 2 wrong options or config.
    """
    config = given.config()
    from nemo_sdg.pipelines import pipeline_module  # noqa: PLC0415 - --help is quick without

    simulated = config.simulated
    with ExitStack() as stack:
        if simulated and not offline:
            from nemo_sdg.cli.simulated import simulated_endpoint  # noqa: PLC0415 - not for real endpoints

            config = stack.enter_context(simulated_endpoint(config))
        pipeline = pipeline_module(config.pipeline).build(config)
        found = pipeline.checkup(
            ask=not offline, shard_rows=config.shard_rows, told=None if simulated else _announce
        )
    _print(found, as_json=as_json)
    raise typer.Exit(found.status)


def _announce(endpoints: int) -> None:
    """Say before it is sent what is to be paid."""
    which = "the endpoint" if endpoints == 1 else f"each of {endpoints} endpoints"
    typer.echo(f"asking {which} one question, which is paid: at most 16 tokens of an answer", err=True)


def _print(found: Checkup, *, as_json: bool) -> None:
    import msgspec  # noqa: PLC0415 - see above

    from nemo_sdg.report.checkup_text import checkup_lines  # noqa: PLC0415 - see above
    from nemo_sdg.report.phrases import MARK  # noqa: PLC0415 - see above
    from nemo_sdg.report.stream import SteadyStream  # noqa: PLC0415 - see above

    stream = SteadyStream(sys.stdout)
    if as_json:
        data = {**msgspec.to_builtins(found), "status": found.status}
        stream.write(msgspec.json.format(msgspec.json.encode(data)).decode() + "\n")
    else:
        mark = MARK if found.simulated and not stream.isatty() else ""
        width = shutil.get_terminal_size().columns - 1 if stream.isatty() else _WIDTH
        for line in checkup_lines(found, max(40, width - len(mark))):
            stream.write(f"{mark}{line}".rstrip() + "\n")
    stream.flush()
