"""JSON schemas as servers take them that hold a model to every word of one."""

from __future__ import annotations

from typing import Any

_ONE = ("items", "additionalProperties", "not")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions")
_LEFT_OUT = ("default", "discriminator")


def strict_schema(schema: Any) -> dict[str, Any] | None:
    """Return `schema` with all fields required, no others allowed and no defaults.

    None: it allows what the strict mode of OpenAI cannot hold a model to, such as any further fields.
    See https://platform.openai.com/docs/guides/structured-outputs.
    """
    try:
        strict = _strict(schema)
    except _OpenError:
        return None
    return strict if isinstance(strict, dict) else None


class _OpenError(Exception):
    """The schema leaves something open."""


def _strict(schema: Any) -> Any:
    if not isinstance(schema, dict):
        raise _OpenError
    if "$ref" in schema:
        # Beside a reference nothing else may stand; the definitions stand beside that of a model as a whole.
        return {
            key: _strict_all(value) if key in _NAMED else value
            for key, value in schema.items()
            if key in ("$ref", *_NAMED)
        }
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        if (
            schema.get("additionalProperties")
            or "patternProperties" in schema
            or not schema.get("properties")
        ):
            raise _OpenError
        schema = {**schema, "additionalProperties": False, "required": list(schema["properties"])}
    elif (kind == "array" and not isinstance(schema.get("items"), dict)) or "prefixItems" in schema:
        raise _OpenError
    elif not {"type", "anyOf", "oneOf", "allOf", "enum", "const"} & schema.keys():
        raise _OpenError  # any value
    return {_name(key): _part(key, value) for key, value in schema.items() if key not in _LEFT_OUT}


def _name(key: str) -> str:
    return "anyOf" if key == "oneOf" else key  # of which the strict mode knows only one


def _part(key: str, value: Any) -> Any:
    if key in _NAMED:
        return _strict_all(value)
    if key in _LISTS:
        return [_strict(part) for part in value]
    return _strict(value) if key in _ONE and isinstance(value, dict) else value


def _strict_all(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: _strict(part) for name, part in parts.items()}
