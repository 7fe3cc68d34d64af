"""Files that hold tables: their rows and types, and telling rows that cannot be read from the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from nemo_sdg.errors import ConfigError, RowError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class TableFile:
    """A file with rows of one schema."""

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


def table_file(file: str, size: int, rows: int, schema: pa.Schema) -> TableFile:
    """Return what is known of `file`; raises `ConfigError` when it has a column twice."""
    schema = schema.remove_metadata()
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise ConfigError(f"{file} has the column {name!r} twice: rename one of them")
    return TableFile(file, size, rows, schema)


def united(files: Sequence[TableFile]) -> dict[str, pa.Field]:
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
    """Rows of a part of a file; `wrong` says which cannot be read, and why: these are nulls in `rows`."""

    rows: pa.Table
    wrong: dict[int, RowError]
    """By position in `rows`."""


def checked(rows: pa.Table) -> Part:
    """Return `rows`; wrong are those that hold what is not of their type, such as text that is no UTF-8."""
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


def nulls(schema: pa.Schema, rows: int) -> pa.Table:
    """Return so many rows that hold nothing."""
    columns = [pa.nulls(rows, field.type) for field in schema]
    return pa.table(columns, schema=pa.schema([field.with_nullable(nullable=True) for field in schema]))
