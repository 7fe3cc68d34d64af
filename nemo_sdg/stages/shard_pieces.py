"""Cutting the rows of several files into shards, which may span files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard
from nemo_sdg.stages.sharding import cut

if TYPE_CHECKING:
    from collections.abc import Sequence


class FileRows(Protocol):
    """The rows of one file: how many, and where some of them are."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def piece(self, first: int, rows: int) -> dict[str, Any]:
        """Return where `rows` rows from position `first` are, as JSON values."""
        ...


def no_rows(path: str) -> ConfigError:
    """Return what to raise for an input without rows."""
    return ConfigError(f"the input {path} has no rows: give files that have some")


def shards_of(files: Sequence[FileRows], shard_rows: int | None, path: str) -> list[Shard]:
    """Return the shards of all rows of `files`; each has {"pieces": [...]} as its place.

    Raises `ConfigError` when there are no rows.
    """
    total = sum(map(len, files))
    if not total:
        raise no_rows(path)
    shards = []
    number, skipped = 0, 0
    for index, (first_row, rows) in enumerate(cut(total, shard_rows)):
        pieces: list[dict[str, Any]] = []
        missing = rows
        while missing:
            taken = min(missing, len(files[number]) - skipped)
            if taken:
                pieces.append(files[number].piece(skipped, taken))
                missing, skipped = missing - taken, skipped + taken
            if skipped == len(files[number]):
                number, skipped = number + 1, 0
        shards.append(Shard(index, first_row, rows, {"pieces": pieces}))
    return shards
