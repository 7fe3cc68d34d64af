"""From decoded JSON objects to Arrow columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

_REFUSED = (pa.ArrowException, OverflowError, TypeError, ValueError)


def infer_types(rows: Sequence[dict[str, Any]]) -> dict[str, pa.DataType]:
    """Return the types that the columns of `rows` have, in the order of their first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows], None).type for name in names}


def to_table(rows: Sequence[dict[str, Any]], types: dict[str, pa.DataType]) -> pa.Table:
    """Return `rows` as a table: the columns of `types` first, then whatever else they have.

    A column whose values do not fit its type has the type that they do fit; where they fit none together it
    is a string column, with JSON in place of what is no string.
    """
    names = dict.fromkeys((*types, *(name for row in rows for name in row)))
    return pa.table({name: _column([row.get(name) for row in rows], types.get(name)) for name in names})


def _column(values: list[Any], wanted: pa.DataType | None) -> pa.Array:
    try:
        made = pa.array(values)
        if wanted is not None and wanted != made.type:
            # Not made with `wanted` at once: Arrow would cut fractions and leave out fields to make them fit.
            made = pa.array(values, _wider(wanted, made.type))
        if not _has_empty_struct(made.type):
            return made
    except _REFUSED:
        pass
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _wider(wanted: pa.DataType, found: pa.DataType) -> pa.DataType:
    """Return the type that holds the values of both, else `found`; raises where text is wanted, not found."""
    try:
        schemas = [pa.schema([("", kind)]) for kind in (wanted, found)]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        if pa.types.is_string(wanted):
            raise
        return found


def _has_empty_struct(kind: pa.DataType) -> bool:
    # Parquet has no way to write a struct without fields.
    if pa.types.is_struct(kind) and kind.num_fields == 0:
        return True
    return any(_has_empty_struct(kind.field(index).type) for index in range(kind.num_fields))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
