"""`nemo-sdg report`."""

from __future__ import annotations

from typing import Annotated

import typer

Output = Annotated[
    str, typer.Argument(help="Output of a run: a folder, or a URL such as s3://bucket/folder.")
]


def report(output: Output) -> None:
    """Make the page of a run anew: report.html, from what the output holds.

    Also of a run that still goes on, or was killed. Reads a sample of the dataset; changes nothing else.
    """
    from nemo_sdg.engine.folder import RunFolder  # noqa: PLC0415 - --help is quick without
    from nemo_sdg.engine.rebuild import rebuild_page  # noqa: PLC0415 - see above
    from nemo_sdg.report.facts import heading  # noqa: PLC0415 - see above
    from nemo_sdg.report.phrases import MARK  # noqa: PLC0415 - see above

    folder = RunFolder(output)
    made = rebuild_page(folder)
    typer.echo(f"{MARK if made.simulated else ''}{made.pipeline}: {heading(made)}")
    if made.state == "running":
        typer.echo("a run is still writing here: the page has what is there so far; its end makes it anew")
    typer.echo(f"{folder.url}/report.html")
