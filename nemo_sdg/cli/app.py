"""The commands and what they share."""

from __future__ import annotations

import importlib.metadata
import inspect
from typing import TYPE_CHECKING, Annotated

import typer

from nemo_sdg.cli.check import check
from nemo_sdg.cli.init import init
from nemo_sdg.cli.plan import plan
from nemo_sdg.cli.preview import preview
from nemo_sdg.cli.push import push
from nemo_sdg.cli.report import report
from nemo_sdg.cli.run import run
from nemo_sdg.cli.simulate import simulate
from nemo_sdg.cli.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(
    help="Make synthetic text data with LLMs, on this machine or a Ray cluster.",
    epilog="Exit status: 0 done; 1 failed; 2 wrong options or config; 3 stopped as asked, all that was in "
    "flight is kept; 130 or 143 stopped at once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _help(command: Callable[..., None]) -> str:
    """Return the docstring of `command`, a line for each paragraph: a terminal breaks them where it ends."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for _command in (init, check, preview, run, plan, report, verify, push):
    app.command(help=_help(_command))(_command)
app.command(
    help=_help(simulate),
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)(simulate)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"nemo-sdg {importlib.metadata.version('nemo-sdg')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    assert not version
