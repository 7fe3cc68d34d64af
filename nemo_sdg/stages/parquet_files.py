"""Parquet files: what their footers say, and the rows of their row groups."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from nemo_sdg.errors import ConfigError, RowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BATCH_ROWS = 4096


@dataclass(frozen=True)
class ParquetRows:
    """What the footer of a file says."""

    file: str
    size: int
    rows: int
    schema: pa.Schema

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.rows

    def piece(self, first: int, rows: int) -> dict[str, Any]:
        """Return where `rows` rows from position `first` are; JSON values for `Shard.place`."""
        return {"file": self.file, "size": self.size, "first": first, "rows": rows}


def opened(file: str) -> ParquetRows:
    """Return what the footer of `file` says; raises `ConfigError` when it is no Parquet file."""
    try:
        with pq.ParquetFile(file) as opened:
            schema, rows = opened.schema_arrow.remove_metadata(), opened.metadata.num_rows
        size = os.stat(file).st_size  # noqa: PTH116
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(
            f"{file} cannot be read as Parquet: {' '.join(str(error).split()).rstrip('.')}; "
            "give a whole Parquet file, or use JsonlReader for JSON Lines"
        ) from None
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise ConfigError(f"{file} has the column {name!r} twice: rename one of them")
    return ParquetRows(file, size, rows, schema)


def united(files: Sequence[ParquetRows]) -> dict[str, pa.Field]:
    """Return the fields that hold the values of all files; raises `ConfigError` where there are none."""
    fields: dict[str, pa.Field] = {}
    origins: dict[str, str] = {}
    for one in files:
        for field in one.schema:
            known = fields.setdefault(field.name, field.with_nullable(nullable=True))
            origin = origins.setdefault(field.name, one.file)
            if known.type == field.type:
                continue
            try:
                both = pa.unify_schemas(
                    [pa.schema([known]), pa.schema([field])], promote_options="permissive"
                )
            except pa.ArrowException:
                raise ConfigError(
                    f"column {field.name!r} is {known.type} in {origin} and {field.type} in {one.file}: "
                    "read them apart, or make them the same"
                ) from None
            fields[field.name] = both.field(0)
    return fields


class Part(NamedTuple):
    """Rows of one row group; `wrong` says why they cannot be read, and `rows` are then nulls."""

    rows: pa.Table
    wrong: dict[int, RowError]
    """By position in `rows`."""


def parts(file: str, first: int, rows: int, columns: Sequence[str]) -> Iterator[Part]:
    """Yield `rows` rows from position `first` of `file`, of those of `columns` that it has.

    Of a row group that is damaged the rows are wrong, and so is a row with text that is no UTF-8. Raises
    `ConfigError` when the whole file cannot be read.
    """
    try:
        source = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{file} cannot be read any more: {error}; put back what it was") from None
    with source:
        names = [name for name in columns if name in source.schema_arrow.names]
        schema = pa.schema([source.schema_arrow.field(name) for name in names]).remove_metadata()
        start = 0
        for group in range(source.metadata.num_row_groups):
            end = start + source.metadata.row_group(group).num_rows
            skipped, wanted = max(0, first - start), min(end, first + rows) - max(start, first)
            if wanted > 0:
                try:
                    yield _checked(_some(source, group, skipped, wanted, schema))
                except (pa.ArrowException, OSError) as error:
                    wrong = RowError(
                        f"{file}: row group {group} (rows {start} to {end - 1}) is damaged: "
                        f"{' '.join(str(error).split())}"
                    )
                    yield Part(_nulls(schema, wanted), dict.fromkeys(range(wanted), wrong))
            start = end


def _some(file: pq.ParquetFile, group: int, skipped: int, wanted: int, schema: pa.Schema) -> pa.Table:
    batches: list[pa.RecordBatch] = []
    # In batches, so that no more of a large row group is decoded than is needed.
    for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=schema.names):
        taken = batch.slice(skipped, wanted)
        skipped = max(0, skipped - batch.num_rows)
        if taken.num_rows:
            batches.append(taken)
        wanted -= taken.num_rows
        if not wanted:
            break
    if wanted:
        raise pa.ArrowInvalid(f"it lacks {wanted} of its rows")
    return pa.Table.from_batches(batches, schema)


def _checked(rows: pa.Table) -> Part:
    try:
        rows.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return Part(rows, {})
    wrong: dict[int, RowError] = {}
    for position in range(rows.num_rows):
        for name in rows.column_names:
            try:
                rows.column(name).take([position]).validate(full=True)
            except pa.ArrowInvalid as error:
                wrong[position] = RowError(f"column {name!r} holds what cannot be read: {error}")
    kept = [None if position in wrong else position for position in range(rows.num_rows)]
    return Part(rows.take(pa.array(kept, pa.int64())), wrong)


def _nulls(schema: pa.Schema, rows: int) -> pa.Table:
    columns = [pa.nulls(rows, field.type) for field in schema]
    return pa.table(columns, schema=pa.schema([field.with_nullable(nullable=True) for field in schema]))
