"""Checks on the columns that stages read and make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.rows import REJECTION, ROW_ID, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

RESERVED = (ROW_ID, STATUS, REJECTION)
"""Columns that belong to the engine; no stage makes them."""


def check_column(name: object, argument: str) -> str:
    """Return `name` when a column can be called that; else raise `ConfigError` naming `argument`."""
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{argument} is {name!r}: give the name of a column")
    return name


def check_new_columns(names: Iterable[object], argument: str) -> tuple[str, ...]:
    """Return `names` when a stage may make columns of these names; else raise `ConfigError`."""
    checked = tuple(check_column(name, f"a name in {argument}") for name in names)
    for name in checked:
        if name in RESERVED:
            raise ConfigError(
                f"{argument} has {name!r}, which belongs to the engine "
                f"({', '.join(RESERVED)} do): choose another name"
            )
    return checked


def check_present(
    batch: pa.Table, columns: Sequence[str], stage: str, hint: Callable[[str], str] | None = None
) -> None:
    """Raise `MissingColumnError` when `batch` lacks one of `columns`; `hint` says what to do about it."""
    for column in columns:
        if column not in batch.column_names:
            there = ", ".join(batch.column_names) or "none"
            advice = f"; {hint(column)}" if hint else ""
            raise MissingColumnError(
                f"stage {stage} needs the column {column!r}; the columns are: {there}{advice}"
            )


def text_column(batch: pa.Table, column: str, stage: str) -> pa.ChunkedArray:
    """Return a column of text as `string`, whatever way Arrow encodes it.

    Raises `MissingColumnError` when there is none, `ConfigError` when it holds something else.
    """
    check_present(batch, (column,), stage)
    values = batch.column(column)
    kind = values.type
    if pa.types.is_string(kind):
        return values
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_null(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner):
        return values.cast(pa.string())
    if pa.types.is_string(inner):
        return values.cast(pa.string())
    raise ConfigError(f"stage {stage} needs text in the column {column!r}, which holds {kind}")


def number_column(batch: pa.Table, column: str, stage: str) -> pa.ChunkedArray:
    """Return a column of numbers; one of nothing but nulls is one of float64.

    Raises `MissingColumnError` when there is none, `ConfigError` when it holds something else.
    """
    check_present(batch, (column,), stage)
    numbers = batch.column(column)
    kind = numbers.type
    if pa.types.is_null(kind):
        return numbers.cast(pa.float64())
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise ConfigError(f"stage {stage} needs numbers in the column {column!r}, which holds {kind}")
    return numbers
