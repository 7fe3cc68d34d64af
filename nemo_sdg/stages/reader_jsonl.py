"""Reading JSON Lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.input_files import check_selected, kept_names
from nemo_sdg.stages.json_columns import infer_types, to_table
from nemo_sdg.stages.json_lines import LineIndex, first_rows, read_piece
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.shard_pieces import no_rows
from nemo_sdg.stages.text_source import TextSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nemo_sdg.stages.input_files import Paths
    from nemo_sdg.stages.text_rows import Line

SUFFIXES = (".jsonl", ".ndjson", ".json")
_SAMPLED = 100  # rows at the beginning of the first file that the columns and types are taken from


class JsonlReader(TextSource):
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
        self.columns = check_selected(columns)
        super().__init__(path, SUFFIXES)
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

    def _index(self, file: str) -> LineIndex:
        return LineIndex(file)

    def _has_rows(self, file: str) -> bool:
        return any(first_rows(file, _SAMPLED))

    def _lines(self, piece: dict[str, Any], file: str) -> list[Line]:
        return read_piece(piece, file)

    def _table(self, rows: list[dict[str, Any]]) -> pa.Table:
        if self.columns is not None:
            rows = [{name: row[name] for name in self.columns if name in row} for row in rows]
        return to_table(rows, self._types)
