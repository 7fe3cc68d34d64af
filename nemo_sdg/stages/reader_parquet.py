"""Reading Parquet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard, Source
from nemo_sdg.stages.input_files import (
    check_selected,
    check_unchanged,
    find_files,
    kept_names,
    settled,
    with_row_ids,
)
from nemo_sdg.stages.rows import ROW_ID
from nemo_sdg.stages.shard_pieces import shards_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.input_files import Paths

SUFFIXES = (".parquet", ".pq")
_BATCH_ROWS = 4096


class ParquetReader(Source):
    """Reads rows from Parquet files.

    `path` is a file, a folder, a glob pattern or a list of those; files are read in the order of their names.
    `columns` are those to read (None: all). Files may differ in columns (missing ones are null) and in the
    width of numbers.

    Adds `row_id` (int64: position in the whole input) and the files' columns; those that are called `row_id`
    or `status` are kept as `source_row_id` and `source_status`. Raises `ConfigError` for files that are
    missing, empty, given twice, no Parquet, or of types that do not go together.
    """

    def __init__(self, path: Paths, *, columns: Sequence[str] | None = None) -> None:
        self.path = settled(path)
        self.columns = check_selected(columns)
        self._files = [_opened(file) for file in find_files(path, SUFFIXES)]
        fields = _united(self._files)
        for column in self.columns or ():
            if column not in fields:
                raise ConfigError(f"columns has {column!r}, but the input has {', '.join(fields)}")
        self._schema = pa.schema([fields[name] for name in self.columns or fields])
        self.adds = (ROW_ID, *kept_names(self._schema.names))

    def plan(self, shard_rows: int | None) -> list[Shard]:
        """Return the shards; see `Source.plan`. Raises `ConfigError` when there are no rows."""
        return shards_of(self._files, shard_rows, str(self.path))

    def read(self, shard: Shard) -> pa.Table:
        """Return the rows of `shard`; see `Source.read`. Of each file only the row groups that have some."""
        tables = [self._read_piece(piece) for piece in shard.place["pieces"]]
        return with_row_ids(pa.concat_tables(tables), shard.first_row)

    def _read_piece(self, piece: dict[str, Any]) -> pa.Table:
        check_unchanged(piece)
        with pq.ParquetFile(piece["file"]) as file:
            groups, skipped = _row_groups(file.metadata, piece["first"], piece["rows"])
            columns = [name for name in self._schema.names if name in file.schema_arrow.names]
            batches: list[pa.RecordBatch] = []
            missing = piece["rows"]
            # In batches, so that no more of a large row group is decoded than is needed.
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=groups, columns=columns):
                taken = batch.slice(skipped, missing)
                skipped = max(0, skipped - batch.num_rows)
                if taken.num_rows:
                    batches.append(taken)
                missing -= taken.num_rows
                if not missing:
                    break
            schema = pa.schema([file.schema_arrow.field(name) for name in columns])
            rows = piece["rows"]
        return self._fitted(pa.Table.from_batches(batches, schema), rows, piece["file"])

    def _fitted(self, table: pa.Table, rows: int, file: str) -> pa.Table:
        columns = []
        for field in self._schema:
            if field.name not in table.column_names:
                columns.append(pa.nulls(rows, field.type))
                continue
            try:
                columns.append(table.column(field.name).cast(field.type))
            except pa.ArrowException as error:
                raise ConfigError(
                    f"column {field.name!r} of {file} does not fit {field.type}, which it is in other files: "
                    f"{error}"
                ) from None
        return pa.table(columns, schema=self._schema)


@dataclass(frozen=True)
class _ParquetRows:
    """What the footer of a file says."""

    file: str
    size: int
    rows: int
    schema: pa.Schema

    def __len__(self) -> int:
        return self.rows

    def piece(self, first: int, rows: int) -> dict[str, Any]:
        return {"file": self.file, "size": self.size, "first": first, "rows": rows}


def _opened(file: str) -> _ParquetRows:
    try:
        with pq.ParquetFile(file) as opened:
            schema, rows = opened.schema_arrow.remove_metadata(), opened.metadata.num_rows
        return _ParquetRows(file, os.stat(file).st_size, rows, schema)  # noqa: PTH116
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{file} cannot be read as Parquet: {error}") from None


def _united(files: Sequence[_ParquetRows]) -> dict[str, pa.Field]:
    """Return the fields that hold the values of all files."""
    fields: dict[str, pa.Field] = {}
    origins: dict[str, str] = {}
    for opened in files:
        for field in opened.schema:
            known = fields.setdefault(field.name, field.with_nullable(nullable=True))
            origin = origins.setdefault(field.name, opened.file)
            if known.type == field.type:
                continue
            try:
                both = pa.unify_schemas(
                    [pa.schema([known]), pa.schema([field])], promote_options="permissive"
                )
            except pa.ArrowException:
                raise ConfigError(
                    f"column {field.name!r} is {known.type} in {origin} and {field.type} in {opened.file}: "
                    "read them apart, or make them the same"
                ) from None
            fields[field.name] = both.field(0)
    return fields


def _row_groups(metadata: Any, first: int, rows: int) -> tuple[list[int], int]:
    """Return the row groups that hold the rows, and how many rows of the first one come before."""
    groups: list[int] = []
    skipped, start = 0, 0
    for index in range(metadata.num_row_groups):
        end = start + metadata.row_group(index).num_rows
        if start < first + rows and end > first:
            if not groups:
                skipped = first - start
            groups.append(index)
        start = end
    return groups, skipped
