"""From JSON in a model's answer to typed columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.answer_json import find_object
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns, text_column
from nemo_sdg.stages.rows import map_rows, set_column
from nemo_sdg.stages.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPES = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "list": pa.list_(pa.string()),
    "object": pa.string(),
}
_BOOLS = {"true": True, "yes": True, "false": False, "no": False}
_INT64 = range(-(2**63), 2**63)
_LONGEST_NUMBER = 400  # characters; longer ones are no number that a column holds


class ParseJson(Stage):
    """Takes fields out of the JSON object in an answer.

    `fields` maps each field's name to its type: "string", "int", "float", "bool", "list" (a list of strings)
    or "object" (JSON as a string). The object may be fenced or amid prose; `repair` mends small slips.

    Needs `column`; adds a column for each field. Rows without the object, or where a field is missing, null
    or of another type, are rejected with `ParseError`. Raises `ConfigError` for fields that cannot be used.
    """

    def __init__(self, fields: dict[str, str], *, column: str = "text", repair: bool = True) -> None:
        if not isinstance(fields, dict) or not fields:
            raise ConfigError(f"fields is {fields!r}: give a mapping of at least one name to its type")
        for name, kind in fields.items():
            if kind not in _TYPES:
                allowed = ", ".join(_TYPES)
                raise ConfigError(f"the type of field {name!r} is {kind!r}: give one of {allowed}")
        self.adds = check_new_columns(fields, "fields")
        self.column = check_column(column, "column")
        self.requires = (column,)
        self.fields = dict(fields)
        self.repair = repair
        self._adds = [pa.field(name, _TYPES[kind]) for name, kind in fields.items()]

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the fields as columns."""
        text = text_column(batch, self.column, self.name)
        return map_rows(
            set_column(batch, self.column, text), self._parse, self._adds, self.name, self.requires
        )

    def _parse(self, row: dict[str, Any]) -> dict[str, Any]:
        text = row[self.column]
        if text is None:
            raise ParseError(f"column {self.column!r} is null: expected a JSON object")
        found = find_object(text, self._has_all, repair=self.repair)
        if found is None:
            raise ParseError(f"expected a JSON object with {', '.join(self.fields)}; found {beginning(text)}")
        return {name: _value(name, kind, found) for name, kind in self.fields.items()}

    def _has_all(self, candidate: dict[str, Any]) -> bool:
        return self.fields.keys() <= candidate.keys()


def _value(name: str, kind: str, found: dict[str, Any]) -> Any:
    if name not in found:
        has = ", ".join(map(str, found)) or "no fields"
        raise ParseError(f"expected the field {name!r} ({kind}); the object has {has:.200}")
    value = _CONVERTERS[kind](found[name])
    if value is None:
        raise ParseError(f"expected {kind} in the field {name!r}; found {beginning(_json(found[name]))}")
    return value


def _string(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return _encodable(str(value))


def _int(value: Any) -> int | None:
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            value = int(value)
        except ValueError:
            return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value in _INT64 else None


def _float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _bool(value: Any) -> bool | None:
    if isinstance(value, str):
        return _BOOLS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _list(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [_encodable(item) if isinstance(item, str) else _json(item) for item in value]


def _object(value: Any) -> str | None:
    return _json(value) if isinstance(value, dict) else None


def _encodable(text: str) -> str:
    # JSON can escape half of a surrogate pair, which UTF-8 cannot hold.
    return text.encode("utf-8", "replace").decode()


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (UnicodeEncodeError, RecursionError):
        return _encodable(str(value))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "list": _list,
    "object": _object,
}
