"""`nemo-sdg verify`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.verify import Verified

Output = Annotated[
    str, typer.Argument(help="Output of a run: a folder, or a URL such as s3://bucket/folder.")
]


def verify(output: Output) -> None:
    """Check the output of a run: every shard whole, no row twice, counts as the report says.

    Reads the whole dataset and changes nothing. Exit status: 0 when all is well; 1 when something is not, and
    what to do about it.
    """
    from nemo_sdg.engine.folder import RunFolder  # noqa: PLC0415 - --help is quick without

    folder = RunFolder(output)
    found = checked(folder)
    typer.echo(f"{folder.url}: {found.rows:,} rows, {found.finished:,} of {found.shards:,} shards finished")
    for problem in found.problems:
        typer.echo(f"- {problem.what}\n  {problem.remedy}")
    if found.problems:
        raise typer.Exit(1)
    typer.echo("all is whole")


def checked(folder: RunFolder) -> Verified:
    """Return how the run in `folder` is, with a bar on a terminal while it is read."""
    from rich.console import Console  # noqa: PLC0415 - --help is quick without
    from rich.progress import Progress  # noqa: PLC0415 - see above

    from nemo_sdg.engine.verify import verify as verified  # noqa: PLC0415 - see above

    manifest = folder.manifest()
    shards = len(manifest.shards) if manifest else 0
    errors = Console(file=sys.stderr)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("reading", total=shards)
        return verified(folder, each=lambda: progress.advance(task))
