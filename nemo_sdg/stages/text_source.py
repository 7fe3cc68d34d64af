"""What readers of text files have in common: files found once, shards of byte ranges, bad rows rejected."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from nemo_sdg.stages.base import Shard, Source
from nemo_sdg.stages.input_files import find_files, settled, with_row_ids
from nemo_sdg.stages.planned_files import PlannedFiles
from nemo_sdg.stages.rows import reject
from nemo_sdg.stages.shard_pieces import shards_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nemo_sdg.stages.input_files import Paths
    from nemo_sdg.stages.text_rows import Line, RowIndex


class TextSource(Source):
    """Reads rows from the text files that `path` names and that end in one of `suffixes`."""

    def __init__(self, path: Paths, suffixes: tuple[str, ...]) -> None:
        self.path = settled(path)
        self._files = find_files(path, suffixes)
        self._input = PlannedFiles(self._files)

    def plan(self, shard_rows: int | None) -> list[Shard]:
        """Return the shards; see `Source.plan`."""
        shards = shards_of([self._index(file) for file in self._files], shard_rows, str(self.path))
        return self._input.noted(shards)

    def changes(self, shards: Sequence[Shard]) -> list[str]:
        """Return how the files differ from those of `shards`; see `Source.changes`."""
        return self._input.changes(shards, self._has_rows)

    def read(self, shard: Shard) -> pa.Table:
        """Return the rows of `shard`; see `Source.read`. What is no row is marked as rejected."""
        lines = [
            line
            for piece in shard.place["pieces"]
            for line in self._lines(piece, self._input.place_now(piece))
        ]
        table = with_row_ids(self._table([line.values for line in lines]), shard)
        errors = {position: line.error for position, line in enumerate(lines) if line.error is not None}
        return reject(table, errors, self.name)

    @abstractmethod
    def _index(self, file: str) -> RowIndex:
        """Return where the rows of `file` begin."""

    def _has_rows(self, file: str) -> bool:
        return len(self._index(file)) > 0

    @abstractmethod
    def _lines(self, piece: dict[str, Any], file: str) -> list[Line]:
        """Return the rows of a piece of `file`; raises `ConfigError` when that has changed."""

    @abstractmethod
    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        """Return rows as a table; those that are none have no values."""
