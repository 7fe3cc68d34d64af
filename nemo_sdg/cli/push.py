"""`nemo-sdg push`."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Annotated

import typer

from nemo_sdg.cli.verify import Output, checked
from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from nemo_sdg.cli.hub import Hub
    from nemo_sdg.cli.shipment import Shipment

_MOST_NAMED = 12
_LICENCES = (
    *("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
    *("odc-by", "odbl", "cdla-permissive-2.0", "llama3.1", "llama3.3", "gemma", "other", "unknown"),
)
"""Those that people choose most; the hub knows more, and checks it."""
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")
_UNITS = ("B", "kB", "MB", "GB", "TB")


def push(
    output: Output,
    repo: Annotated[str, typer.Argument(help="Dataset on the hub: owner/name. Made when it is not there.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Upload; else only say what would be.")] = False,
    public: Annotated[bool, typer.Option("--public/--private", help="Who may see it.")] = False,
    licence: Annotated[
        str | None, typer.Option("--license", help="As the hub calls it, such as cc-by-4.0.")
    ] = None,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch; made when it is not there.")] = None,
    token_env: Annotated[
        str | None,
        typer.Option(help="Environment variable that holds the token; else HF_TOKEN or the login."),
    ] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Upload rejected rows, too.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Take a run that is not finished.")] = False,
) -> None:
    """Publish the dataset of a run on the Hugging Face hub, with a card. Says what it would do until --yes.

    Rows and card are uploaded, never the answers and settings in `_run`, nor the report. A README.md without
    our marked line is uploaded as it is. Needs `pip install 'nemo-sdg[hub]'`.
    """
    from nemo_sdg.cli.hub import Hub  # noqa: PLC0415 - --help is quick without
    from nemo_sdg.cli.shipment import has_licence, pack  # noqa: PLC0415 - see above
    from nemo_sdg.engine.folder import RunFolder  # noqa: PLC0415 - see above
    from nemo_sdg.report.card import Published  # noqa: PLC0415 - see above

    hub = Hub(token_env)
    hub.check_name(repo)
    _check_licence(licence)
    folder = RunFolder(output)
    shipment = pack(folder, checked(folder), Published(repo, licence, rejected), partial=partial)
    if public and not has_licence(shipment.card):
        raise ConfigError(
            "--public without a licence: say in --license under which terms others may use the data, "
            f"as --license cc-by-4.0; often used are {', '.join(_LICENCES)}"
        )
    _show(shipment, hub, repo, revision, public=public)
    if not yes:
        typer.echo(f"--- README.md\n{shipment.card}---\nnothing was sent: add --yes to upload")
        return
    message = message or f"{shipment.rows:,} rows, uploaded by nemo-sdg"
    typer.echo(f"published: {hub.publish(shipment, repo, public=public, message=message, revision=revision)}")


def _check_licence(licence: str | None) -> None:
    if licence is None or _LICENCE.fullmatch(licence):
        return
    near = difflib.get_close_matches(re.sub(r"[\s_]+", "-", licence.lower()), _LICENCES, 1, 0.5)
    meant = f"did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"--license is {licence!r}: {meant}Give the hub's identifier in small letters, one of "
        f"{', '.join(_LICENCES)} or of https://huggingface.co/docs/hub/repositories-licenses"
    )


def _show(shipment: Shipment, hub: Hub, repo: str, revision: str | None, *, public: bool) -> None:
    seen = "public" if public else "private"
    typer.echo(f"{shipment.store.url} -> {hub.url(repo)} ({seen}, branch {revision or 'main'})")
    files = {"README.md": len(shipment.card.encode()), **shipment.files}
    for name, size in list(files.items())[:_MOST_NAMED]:
        typer.echo(f"  {_size(size):>9}  {name}")
    if len(files) > _MOST_NAMED:
        typer.echo(f"  {'':>9}  and {len(files) - _MOST_NAMED:,} more")
    typer.echo(f"{len(files):,} files, {_size(sum(files.values()))}, {shipment.rows:,} rows")
    if shipment.simulated:
        typer.echo("[simulated] the rows are made up, and are no use but for tests")
    typer.echo("replaces README.md and the parts that an earlier push has left there")
    source = hub.token_source
    typer.echo(f"token: from {source}" if source else "token: none found; --yes needs HF_TOKEN or a login")


def _size(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < 1000:  # noqa: PLR2004
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} {_UNITS[-1]}"
