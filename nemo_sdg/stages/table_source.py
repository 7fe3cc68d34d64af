"""What readers of tables have in common: files of known schemas, shards of row ranges, one type a column."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard, Source
from nemo_sdg.stages.input_files import check_selected, kept_names, settled, with_row_ids
from nemo_sdg.stages.planned_files import PlannedFiles
from nemo_sdg.stages.rows import ROW_ID, reject
from nemo_sdg.stages.shard_pieces import shards_of
from nemo_sdg.stages.table_files import Part, TableFile, united

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.stages.input_files import Paths


class TableSource(Source):
    """Reads `columns` (None: all) of rows from `files`, which are those of `path`."""

    def __init__(self, path: Paths, columns: Sequence[str] | None, files: Sequence[TableFile]) -> None:
        self.path = settled(path)
        self.columns = check_selected(columns)
        self._files = files
        self._input = PlannedFiles([file.file for file in self._files])
        fields = united(self._files)
        for column in self.columns or ():
            if column not in fields:
                raise ConfigError(f"columns has {column!r}, but the input has {', '.join(fields)}")
        self._schema = pa.schema([fields[name] for name in self.columns or fields])
        self.adds = (ROW_ID, *kept_names(self._schema.names))

    def plan(self, shard_rows: int | None) -> list[Shard]:
        """Return the shards; see `Source.plan`. Raises `ConfigError` when there are no rows."""
        return self._input.noted(shards_of(self._files, shard_rows, str(self.path)))

    def changes(self, shards: Sequence[Shard]) -> list[str]:
        """Return how the files differ from those of `shards`; see `Source.changes`."""
        with_rows = {file.file for file in self._files if file.rows}
        return self._input.changes(shards, with_rows.__contains__)

    def read(self, shard: Shard) -> pa.Table:
        """Return the rows of `shard`; see `Source.read`. Of each file only what holds some of them.

        Rows that are damaged are marked as rejected.
        """
        tables: list[pa.Table] = []
        errors: dict[int, Exception] = {}
        position = 0
        for part in (part for piece in shard.place["pieces"] for part in self._read_piece(piece)):
            errors.update((position + at, error) for at, error in part.wrong.items())
            position += part.rows.num_rows
            tables.append(part.rows)
        return reject(with_row_ids(pa.concat_tables(tables), shard), errors, self.name)

    def _read_piece(self, piece: dict[str, Any]) -> Iterator[Part]:
        file = self._input.place_now(piece)
        for part in self._parts(file, piece["first"], piece["rows"], self._schema.names):
            yield Part(self._fitted(part.rows, file), part.wrong)

    def _fitted(self, table: pa.Table, file: str) -> pa.Table:
        columns = []
        for field in self._schema:
            if field.name not in table.column_names:
                columns.append(pa.nulls(table.num_rows, field.type))
                continue
            try:
                columns.append(table.column(field.name).cast(field.type))
            except pa.ArrowException as error:
                raise ConfigError(
                    f"column {field.name!r} of {file} does not fit {field.type}, which it is in other files: "
                    f"{error}"
                ) from None
        return pa.table(columns, schema=self._schema)

    @abstractmethod
    def _parts(self, file: str, first: int, rows: int, columns: Sequence[str]) -> Iterator[Part]:
        """Yield `rows` rows from position `first` of `file`, of those of `columns` that it has."""
