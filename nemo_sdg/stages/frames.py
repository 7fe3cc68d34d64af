"""From a pandas DataFrame back to Arrow."""

from __future__ import annotations

import sys
from typing import Any

import pyarrow as pa


def is_frame(value: Any) -> bool:
    """Return whether `value` is a pandas DataFrame, without importing pandas to find out."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def from_frame(frame: Any, before: pa.Schema) -> pa.Table:
    """Return `frame` as a table; columns that pandas alone has changed get their types of `before` back.

    pandas turns whole numbers with nulls into floats, and columns of nulls into objects.
    """
    made = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    for index, field in enumerate(made.schema):
        column = made.column(index)
        was = before.field(field.name).type if field.name in before.names else None
        changed = field.type
        if was is None or was == changed:
            was = pa.string() if pa.types.is_large_string(changed) else changed
        from_pandas = (
            pa.types.is_null(changed)
            or pa.types.is_large_string(changed)
            or (pa.types.is_integer(was) and pa.types.is_floating(changed) and column.null_count > 0)
        )
        if was != changed and from_pandas:
            try:
                made = made.set_column(index, field.name, column.cast(was))
            except pa.ArrowInvalid:  # it really is another type now
                continue
    return made
