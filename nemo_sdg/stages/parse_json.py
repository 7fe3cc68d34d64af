"""From JSON in a model's answer to typed columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.client.lenient_json import as_float
from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.answer_json import find_object
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns, text_column
from nemo_sdg.stages.json_values import as_bool, as_int, as_json, as_string, encodable
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
        raise ParseError(f"expected {kind} in the field {name!r}; found {beginning(as_json(found[name]))}")
    return value


def _list(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [encodable(item) if isinstance(item, str) else as_json(item) for item in value]


def _object(value: Any) -> str | None:
    return as_json(value) if isinstance(value, dict) else None


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": as_string,
    "int": as_int,
    "float": as_float,
    "bool": as_bool,
    "list": _list,
    "object": _object,
}
