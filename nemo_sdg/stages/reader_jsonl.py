"""Reading JSON Lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.base import Shard, Source
from nemo_sdg.stages.input_files import check_selected, find_files, kept_names, settled, with_row_ids
from nemo_sdg.stages.json_columns import infer_types, to_table
from nemo_sdg.stages.json_lines import Line, LineIndex, first_rows, read_piece
from nemo_sdg.stages.planned_files import PlannedFiles
from nemo_sdg.stages.rows import ROW_ID, reject
from nemo_sdg.stages.shard_pieces import no_rows, shards_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nemo_sdg.stages.input_files import Paths

SUFFIXES = (".jsonl", ".ndjson", ".json")
_SAMPLED = 100  # rows at the beginning of the first file that the columns and types are taken from


class JsonlReader(Source):
    """Reads rows from JSON Lines files: one JSON object a line, UTF-8.

    `path` is a file, a folder, a glob pattern or a list of those; files are read in the order of their names.
    `columns` are those to read (None: all). Blank lines are skipped; a line that is no JSON object, or
    has a key twice, is a rejected row.

    Adds `row_id` (int64: position in the whole input) and the columns found in the first 100 rows, which also
    decide their types; where later values do not fit, the shard has a wider type or JSON as string. Columns
    of the input that are called `row_id` or `status` are kept as `source_row_id` and `source_status`. Raises
    `ConfigError` for files that are missing, empty, given twice or of another format, and where no line is a
    row.
    """

    def __init__(self, path: Paths, *, columns: Sequence[str] | None = None) -> None:
        self.path = settled(path)
        self.columns = check_selected(columns)
        self._files = find_files(path, SUFFIXES)
        self._input = PlannedFiles(self._files)
        sample: list[dict[str, object]] = []
        wrong: RowError | None = None
        for file in self._files:
            sample, fault = first_rows(file, _SAMPLED)
            wrong = wrong or fault
            if sample:
                break
        if wrong and not sample:
            raise ConfigError(f"the input {self.path} has no row, for no line is a JSON object: {wrong}")
        if not sample:
            raise no_rows(str(self.path))
        self._types = infer_types(sample)
        for column in self.columns or ():
            if column not in self._types:
                there = ", ".join(self._types)
                raise ConfigError(f"columns has {column!r}, but the input has {there}")
        if self.columns is not None:
            self._types = {name: self._types[name] for name in self.columns}
        self.adds = (ROW_ID, *kept_names(list(self._types)))

    def plan(self, shard_rows: int | None) -> list[Shard]:
        """Return the shards; see `Source.plan`."""
        shards = shards_of([LineIndex(file) for file in self._files], shard_rows, str(self.path))
        return self._input.noted(shards)

    def changes(self, shards: Sequence[Shard]) -> list[str]:
        """Return how the files differ from those of `shards`; see `Source.changes`."""
        return self._input.changes(shards, lambda file: any(first_rows(file, _SAMPLED)))

    def read(self, shard: Shard) -> pa.Table:
        """Return the rows of `shard`; see `Source.read`. Lines that are no rows are marked as rejected."""
        lines = [line for piece in shard.place["pieces"] for line in self._lines(piece)]
        rows = [line.values for line in lines]
        if self.columns is not None:
            rows = [{name: row[name] for name in self.columns if name in row} for row in rows]
        table = with_row_ids(to_table(rows, self._types), shard)
        errors = {position: line.error for position, line in enumerate(lines) if line.error is not None}
        return reject(table, errors, self.name)

    def _lines(self, piece: dict[str, Any]) -> list[Line]:
        return read_piece(piece, self._input.place_now(piece))
