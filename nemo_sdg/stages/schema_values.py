"""From a decoded JSON value to what a column of a shape holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.lenient_json import as_float
from nemo_sdg.errors import ParseError
from nemo_sdg.stages.json_values import INT64, as_bool, as_int, as_json, as_string, encodable
from nemo_sdg.stages.schema_shapes import BOOLEAN, NUMBER, STRING, WHOLE
from nemo_sdg.stages.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemo_sdg.stages.schema_shapes import Shape

_LENIENT = {STRING.arrow: as_string, WHOLE.arrow: as_int, NUMBER.arrow: as_float, BOOLEAN.arrow: as_bool}


def column_values(found: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Return the value of each column for a valid object; raises `ParseError` for what no column holds.

    Fields that are no columns are left out; a column that is not there is null.
    """
    return {name: _value(found.get(name), shape, name) for name, shape in shapes.items()}


def mended(value: Any, shapes: Mapping[str, Shape]) -> dict[str, Any]:
    """Return an object with the small slips of models undone: numbers as text, fields that nobody asked for.

    What is beyond that stays as it is, for the schema to refuse.
    """
    return {name: _mended(value[name], shape) for name, shape in shapes.items() if name in value}


def _value(value: Any, shape: Shape, place: str) -> Any:
    if value is None:
        return None
    if shape.json:
        return as_json(value)
    if shape.items is not None and isinstance(value, list):
        return [_value(item, shape.items, f"{place}[{index}]") for index, item in enumerate(value)]
    if shape.fields is not None and isinstance(value, dict):
        return {name: _value(value.get(name), part, f"{place}.{name}") for name, part in shape.fields.items()}
    held = _plain(value, shape)
    if held is None:
        raise ParseError(f"{place}: {beginning(as_json(value))} does not fit a column of {shape.arrow}")
    return held


def _plain(value: Any, shape: Shape) -> Any:
    """Return what a column holds without any loss; None: it cannot hold `value`."""
    if isinstance(value, str):
        return encodable(value) if shape == STRING else None
    if isinstance(value, bool):
        return value if shape == BOOLEAN else None
    if shape == WHOLE and isinstance(value, (int, float)):
        whole = value == int(value) if math.isfinite(value) else False
        return int(value) if whole and int(value) in INT64 else None
    if shape == NUMBER and isinstance(value, (int, float)):
        return as_float(value)
    return None


def _mended(value: Any, shape: Shape) -> Any:
    if value is None or shape.json:
        return value
    if shape.items is not None:
        return [_mended(item, shape.items) for item in value] if isinstance(value, list) else value
    if shape.fields is not None:
        return mended(value, shape.fields) if isinstance(value, dict) else value
    fitting = _LENIENT[shape.arrow](value)
    return value if fitting is None else fitting
