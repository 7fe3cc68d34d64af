"""Rows of an Arrow table: their status, rejecting some, and working on them one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from nemo_sdg.errors import ParseError, RequestError
from nemo_sdg.stages.own_code import place_of, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROW_ID = "row_id"
STATUS = "status"
OK = "ok"
REJECTED = "rejected"
REJECTION = "_rejection"
"""Column with the JSON of a `Rejection`; only between a stage that rejects and the engine."""


class Rejection(msgspec.Struct, omit_defaults=True):
    """Why a row failed: one line of `rejected/part-*.jsonl`."""

    row_id: int
    stage: str
    error: str
    """Class of the error."""
    message: str
    http_status: int | None = None
    attempts: int | None = None
    messages: list[dict[str, Any]] | None = None
    """What the model was asked."""
    answer: str | None = None
    """What the model answered, when it did."""
    row: dict[str, Any] = {}
    """The row's other columns at that stage."""
    kept: list[str] | None = None
    """Keys under which a ledger keeps the answers at fault, where the stage that asked rejects them; empty:
    there was no answer. None: nobody said."""


def set_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return `table` with column `name` added or replaced."""
    index = table.schema.get_field_index(name)
    return table.append_column(name, values) if index < 0 else table.set_column(index, name, values)


def reject(
    batch: pa.Table,
    errors: Mapping[int, Exception],
    stage: str,
    kept: Mapping[int, list[str]] | None = None,
) -> pa.Table:
    """Return `batch` with the rows at the positions in `errors` marked as rejected by `stage`.

    `kept` has, for some of them, the keys of the answers that are at fault.
    """
    if not errors:
        return batch
    status = [OK] * batch.num_rows
    why: list[str | None] = [None] * batch.num_rows
    for position, error in errors.items():
        status[position] = REJECTED
        row = batch.slice(position, 1).to_pylist()[0]
        rejection = rejection_of(row, error, stage)
        rejection.kept = (kept or {}).get(position)
        why[position] = _encode(rejection).decode()
    batch = set_column(batch, STATUS, pa.array(status, pa.string()))
    return set_column(batch, REJECTION, pa.array(why, pa.string()))


def rejection_of(row: dict[str, Any], error: Exception, stage: str) -> Rejection:
    """Return why `row` fails at `stage`."""
    request = error if isinstance(error, RequestError) else None
    others = {key: value for key, value in row.items() if key not in (ROW_ID, STATUS, REJECTION, "messages")}
    messages, answer = row.get("messages"), row.get("text")
    if not isinstance(answer, list):  # several answers stay with what else is listed of them
        others.pop("text", None)
    return Rejection(
        row_id=row.get(ROW_ID, -1),
        stage=stage,
        error=type(error).__name__,
        message=told(error) if place_of(error) else str(error),
        http_status=request.status if request else None,
        attempts=request.attempts if request else None,
        messages=messages if isinstance(messages, list) else None,
        answer=answer if isinstance(answer, str) else None,
        row=others,
    )


def split_rejected(batch: pa.Table) -> tuple[pa.Table, list[Rejection]]:
    """Return the rows that go on, without the marks of `reject`, and why the others do not."""
    if REJECTION not in batch.column_names:
        return batch, []
    reasons = batch.column(REJECTION)
    rejections = [_decode(text) for text in reasons.drop_null().to_pylist()]
    # The status too: columns come in the same order whether or not a row was rejected on the way.
    marks = [name for name in (REJECTION, STATUS) if name in batch.column_names]
    return batch.filter(pc.is_null(reasons)).drop_columns(marks), rejections


def map_rows(
    batch: pa.Table,
    function: Callable[[dict[str, Any]], Mapping[str, Any]],
    adds: Sequence[pa.Field],
    stage: str,
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """Return `batch` with the fields `adds`, filled by `function` from each row.

    `function` gets the row as a dict (of `columns` only, when given, which is faster) and returns the values
    of `adds`. A row for which it raises an exception is rejected with that as its reason.
    """
    source = batch if columns is None else batch.select(list(columns))
    values: dict[str, list[Any]] = {field.name: [] for field in adds}
    errors: dict[int, Exception] = {}
    for position, row in enumerate(source.to_pylist()):
        made: Mapping[str, Any] = {}
        try:
            made = function(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this row's
            errors[position] = error
        for name, column in values.items():
            column.append(made.get(name))
    return reject(with_columns(batch, adds, values, errors), errors, stage)


def with_columns(
    batch: pa.Table,
    fields: Sequence[pa.Field],
    values: Mapping[str, list[Any]],
    errors: dict[int, Exception],
) -> pa.Table:
    """Return `batch` with the columns `fields` added; a value that does not fit its type goes to `errors`."""
    for field in fields:
        column = values[field.name]
        try:
            array = pa.array(column, field.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            array = pa.array(_fitting(column, field, errors), field.type)
        batch = set_column(batch, field.name, array)
    return batch


def _fitting(column: list[Any], field: pa.Field, errors: dict[int, Exception]) -> list[Any]:
    fitting: list[Any] = []
    for position, value in enumerate(column):
        try:
            pa.array([value], field.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            errors.setdefault(
                position, ParseError(f"{field.name} is {value!r:.80}, which is no {field.type}")
            )
            fitting.append(None)
        else:
            fitting.append(value)
    return fitting


_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder(Rejection).decode
