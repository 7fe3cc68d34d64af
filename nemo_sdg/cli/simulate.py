"""`nemo-sdg simulate`."""

from __future__ import annotations

import typer


def simulate(context: typer.Context) -> None:
    """Serve an OpenAI-compatible endpoint that makes its answers up, with latency, limits and faults."""
    from nemo_sdg.simulator.__main__ import main  # noqa: PLC0415 - only this command needs it

    raise typer.Exit(main(context.args, prog="nemo-sdg simulate"))
