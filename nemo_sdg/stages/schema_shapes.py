"""From a JSON schema to the types of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema = Any
"""A JSON schema, mostly a dict; `true` stands for any value."""


@dataclass(frozen=True)
class Shape:
    """What a column holds, with the shapes of what is inside."""

    arrow: pa.DataType
    items: Shape | None = None
    """Of a list."""
    fields: Mapping[str, Shape] | None = None
    """Of a struct."""
    json: bool = False
    """Any value, as JSON text."""


JSON_TEXT = Shape(pa.string(), json=True)
STRING, WHOLE = Shape(pa.string()), Shape(pa.int64())
NUMBER, BOOLEAN = Shape(pa.float64()), Shape(pa.bool_())

_SIMPLE = {"string": STRING, "integer": WHOLE, "number": NUMBER, "boolean": BOOLEAN}
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def columns_of(schema: Schema) -> dict[str, Shape]:
    """Return the shape of each top-level property of an object's schema.

    An object becomes a struct, an array a list, an enum the type of its values. What may be of several types,
    has any fields, or holds itself becomes JSON text. Raises `ConfigError` when it is the schema of something
    else than an object with properties, or refers to what is not in it.
    """
    root, inside = _resolved(schema, schema, frozenset({"#"}))
    properties = root.get("properties") if isinstance(root, dict) else None
    if not isinstance(properties, dict) or not properties or root.get("type", "object") != "object":
        raise ConfigError(
            f"response_format is the schema {schema!r:.120}: give that of an object with properties, for "
            "each becomes a column; put a list or a single value into a property"
        )
    return {name: _shape(part, schema, inside) for name, part in properties.items()}


def _shape(schema: Schema, root: Schema, open_refs: frozenset[str]) -> Shape:
    """Return the shape of a part of `root`; `open_refs` are those inside which it lies."""
    schema, open_refs = _resolved(schema, root, open_refs)
    if not isinstance(schema, dict):
        return JSON_TEXT
    kinds = _kinds(schema)
    if not kinds:
        options = [part for key in ("anyOf", "oneOf") for part in schema.get(key, ()) if not _only_null(part)]
        return _common(_shape(part, root, open_refs) for part in options)
    if kinds == {"array"}:
        return _list(schema, root, open_refs)
    if kinds == {"object"}:
        return _struct(schema, root, open_refs)
    return _common(_SIMPLE.get(kind, JSON_TEXT) for kind in sorted(kinds))


def _resolved(schema: Schema, root: Schema, open_refs: frozenset[str]) -> tuple[Schema, frozenset[str]]:
    """Return what `schema` refers to; `true`, anything, where that would go round in circles."""
    while isinstance(schema, dict):
        reference, parts = schema.get("$ref"), schema.get("allOf")
        if isinstance(reference, str):
            if reference in open_refs:
                return True, open_refs
            open_refs |= {reference}
            schema = {**_target(reference, root), **_without(schema, "$ref")}
        elif isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], dict):
            schema = {**parts[0], **_without(schema, "allOf")}
        else:
            break
    return schema, open_refs


def _target(reference: str, root: Schema) -> dict[str, Any]:
    found = root
    if reference.startswith("#"):
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, dict):
            return found
    raise ConfigError(
        f"response_format refers to {reference!r}, which is not in the schema: put it under $defs and refer "
        "to it as #/$defs/name"
    )


def _kinds(schema: dict[str, Any]) -> set[str]:
    """Return the types that a value may have, without null; none: the schema does not say."""
    named = schema.get("type")
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if named is None and values is not None:
        return {_NAMES.get(type(value), "other") for value in values if value is not None} or {"other"}
    if named is None and "properties" in schema:
        return {"object"}
    if named is None and "items" in schema:
        return {"array"}
    kinds = {named} if isinstance(named, str) else set(named or ())
    return kinds - {"null"} or (kinds and {"other"})


def _only_null(schema: Schema) -> bool:
    return isinstance(schema, dict) and (schema.get("type") == "null" or schema.get("const", 0) is None)


def _common(shapes: Iterable[Shape]) -> Shape:
    """Return the one shape that holds values of all `shapes`."""
    found = list(shapes)
    if found and all(shape == found[0] for shape in found):
        return found[0]
    return NUMBER if found and all(shape in (NUMBER, WHOLE) for shape in found) else JSON_TEXT


def _list(schema: dict[str, Any], root: Schema, open_refs: frozenset[str]) -> Shape:
    items = schema.get("items")
    if not isinstance(items, dict) or "prefixItems" in schema:
        return JSON_TEXT
    inner = _shape(items, root, open_refs)
    return Shape(pa.list_(inner.arrow), items=inner)


def _struct(schema: dict[str, Any], root: Schema, open_refs: frozenset[str]) -> Shape:
    properties = schema.get("properties")
    # What may have any further fields would lose them in a struct.
    if not properties or schema.get("additionalProperties") or "patternProperties" in schema:
        return JSON_TEXT
    fields = {name: _shape(part, root, open_refs) for name, part in properties.items()}
    return Shape(pa.struct([pa.field(name, shape.arrow) for name, shape in fields.items()]), fields=fields)


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}
