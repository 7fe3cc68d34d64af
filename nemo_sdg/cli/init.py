"""`nemo-sdg init`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from nemo_sdg.errors import ConfigError

_FILES = Path(__file__).parent / "project"
_TEMPLATE = ".template"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def init(name: Annotated[str, typer.Argument(help="Folder to make, such as my-data.")]) -> None:
    """Make a small project that runs as it is: a config, a stage of your own with its test, a README.

    Without an endpoint in its config a simulated one answers, so that no key is needed.
    """
    folder = _new_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for template in sorted(_FILES.glob(f"*{_TEMPLATE}")):
        file = folder / template.name.removesuffix(_TEMPLATE)
        text = template.read_text(encoding="utf-8").replace("{name}", folder.resolve().name)
        file.write_text(text, encoding="utf-8")
        made.append(file.name)
    typer.echo(f"made {folder}: {', '.join(made)}")
    typer.echo("\nIt runs as it is, with a simulated endpoint whose rows are made up. Next:\n")
    enter = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    typer.echo(f"  {enter}nemo-sdg check config.yaml")
    typer.echo("  nemo-sdg preview config.yaml")
    typer.echo("  nemo-sdg run config.yaml")


def _new_folder(name: str) -> Path:
    """Return the folder to make; raises `ConfigError` where there is something, or for a name of no use."""
    folder = Path(name).expanduser()
    own = folder.resolve().name if "\0" not in name else name
    if not _NAME.fullmatch(own):
        better = re.sub(r"[^A-Za-z0-9._-]+", "-", own).strip("-._")[:80] or "my-data"
        raise ConfigError(
            f"{own!r:.100} is no name for a project: take letters, digits, '.', '_' and '-', as in {better}"
        )
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: choose another name")
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty: choose a new or empty folder")
    return folder
