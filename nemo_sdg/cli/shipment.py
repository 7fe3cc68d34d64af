"""What of a run's output is published: its committed rows, and the card."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import yaml

from nemo_sdg.errors import ConfigError, OutputError
from nemo_sdg.report.card import CARD, card, is_ours
from nemo_sdg.storage import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.verify import Verified
    from nemo_sdg.report.card import Published
    from nemo_sdg.storage import Store

_REJECTED = "rejected/"


class Shipment(NamedTuple):
    """Files to publish."""

    store: Store
    files: dict[str, int]
    """Bytes by name; the card is not among them."""
    card: str
    rows: int
    simulated: bool

    def lay_out(self, folder: Path) -> None:
        """Lay all files out in `folder`, an empty one: links to those on disk, copies of others."""
        for name in self.files:
            place = folder / name
            place.parent.mkdir(exist_ok=True)
            if isinstance(self.store, LocalStore):
                place.symlink_to(self.store.path / name)
            else:
                with self.store.open_input(name) as source, place.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
        (folder / CARD).write_text(self.card, encoding="utf-8")


def pack(folder: RunFolder, found: Verified, published: Published, *, partial: bool) -> Shipment:
    """Return what of the run in `folder` goes to `published`, after a check that has `found` how it is.

    Raises `OutputError` for one that is damaged, has no rows, or is not finished and that is not wanted.
    """
    _check(folder, found, partial=partial)
    manifest, report = folder.manifest(), folder.read_report()
    if manifest is None or report is None:
        raise OutputError(f"{folder.url} has no report.json: run the same command as before again")
    files = {
        name: mark.size
        for done in folder.done().values()
        for name, mark in sorted(done.files.items())
        if published.rejected or not name.startswith(_REJECTED)
    }
    if not found.rows:
        raise OutputError(f"{folder.url} has no rows: report.html says what became of them")
    report.counts.rows_written = found.rows
    published = published._replace(shards=(found.finished, found.shards))
    text = card(report, manifest.suffix, published)
    if CARD in folder.store.sizes() and not is_ours(folder.store):
        text = folder.store.read(CARD).decode()
        if published.licence:
            raise ConfigError(
                f"--license {published.licence} has no place: {CARD} is a text of your own, "
                "so write 'license:' between its first lines"
            )
    return Shipment(folder.store, dict(sorted(files.items())), text, found.rows, report.simulated)


def _check(folder: RunFolder, found: Verified, *, partial: bool) -> None:
    damage = [problem for problem in found.problems if not problem.pending]
    if damage:
        more = f"; `nemo-sdg verify` names {len(damage) - 1:,} more" if damage[1:] else ""
        raise OutputError(f"{folder.url} is damaged: {damage[0].what}; {damage[0].remedy}{more}")
    if found.problems and not partial:
        raise OutputError(
            f"{folder.url} is not finished, {found.finished:,} of {found.shards:,} shards are done: run the "
            "same command as before again, or add --partial to publish what there is"
        )


def has_licence(text: str) -> bool:
    """Return whether the front matter of a card names a licence."""
    parts = text.split("---\n", 2)
    try:
        front = yaml.safe_load(parts[1]) if len(parts) > 2 and not parts[0].strip() else None  # noqa: PLR2004
    except yaml.YAMLError:
        return False
    return isinstance(front, dict) and bool(front.get("license"))
