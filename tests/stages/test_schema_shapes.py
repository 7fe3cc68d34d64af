from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.schemas import fitting
from nemo_sdg.stages.schema_checks import SchemaCheck
from nemo_sdg.stages.schema_shapes import columns_of
from nemo_sdg.stages.schema_strict import strict_schema
from nemo_sdg.stages.schema_values import column_values

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = st.text("abcdefgh_Ä", min_size=1, max_size=4)
SIMPLE = st.sampled_from(
    [
        ({"type": "string"}, TEXT),
        ({"enum": ["red", "green"]}, st.sampled_from(["red", "green"])),
        ({"type": "integer"}, st.integers(-(2**63), 2**63 - 1)),
        ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False)),
        ({"type": "boolean"}, st.booleans()),
        ({"type": ["string", "null"]}, st.none() | TEXT),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, st.integers(0, 9) | TEXT),
        ({"type": "object"}, st.dictionaries(TEXT, st.integers(0, 9), max_size=2)),
    ]
)


def listed(part):
    """Return the schema of a list, and lists."""
    schema, values = part
    return {"type": "array", "items": schema}, st.lists(values, max_size=3)


def nullable(part):
    """Return a schema that null fits too, and its values."""
    schema, values = part
    return {"anyOf": [schema, {"type": "null"}]}, st.none() | values


def structs(parts):
    """Return the schema of an object of `parts`, and such objects."""
    schema = {
        "type": "object",
        "properties": {name: part for name, (part, _) in parts.items()},
        "required": list(parts),
        "additionalProperties": False,
    }
    return schema, st.fixed_dictionaries({name: values for name, (_, values) in parts.items()})


PARTS = st.recursive(
    SIMPLE,
    lambda parts: (
        parts.map(listed)
        | parts.map(nullable)
        | st.dictionaries(NAMES, parts, min_size=1, max_size=3).map(structs)
    ),
    max_leaves=6,
)
ROOTS = st.dictionaries(NAMES, PARTS, min_size=1, max_size=3).map(structs)


def unpacked(value, shape):
    """Return what a column holds with its JSON texts decoded."""
    if value is None:
        return None
    if shape.json:
        return json.loads(value)
    if shape.items is not None:
        return [unpacked(item, shape.items) for item in value]
    if shape.fields is not None:
        return {name: unpacked(value[name], part) for name, part in shape.fields.items()}
    return value


def arrow_of(part):
    """Return the type of a column for a property with that schema."""
    return columns_of({"type": "object", "properties": {"x": part}})["x"].arrow


@seed(5)
@settings(max_examples=150, deadline=None, database=None)
@given(st.data())
def test_values_survive_their_columns(data):
    """Whatever fits a schema comes out of its Arrow columns as it went in, JSON texts decoded."""
    schema, values = data.draw(ROOTS)
    value = data.draw(values)
    shapes = columns_of(schema)

    made = column_values(SchemaCheck(schema)(value), shapes)

    for name, shape in shapes.items():
        held = pa.array([made[name]], shape.arrow).to_pylist()[0]
        assert unpacked(held, shape) == value[name]


@seed(6)
@settings(max_examples=60, deadline=None, database=None)
@given(ROOTS, st.binary(max_size=4))
def test_what_fits_the_strict_schema_fits_the_schema(root, key):
    """The simulated endpoint's answers to a schema, or to its strict form, are valid and fit the columns."""
    schema = root[0]
    for told in (schema, strict_schema(schema) or schema):
        column_values(SchemaCheck(schema)(json.loads(fitting(told, key))), columns_of(schema))


@pytest.mark.parametrize(
    ("part", "arrow"),
    [
        ({"type": "string", "format": "date"}, pa.string()),
        ({"type": "integer"}, pa.int64()),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}, pa.float64()),
        ({"const": 3}, pa.int64()),
        ({"enum": ["a", "b", None]}, pa.string()),
        ({"enum": [True, False]}, pa.bool_()),
        ({"type": "array", "items": {"type": "boolean"}}, pa.list_(pa.bool_())),
        ({"properties": {"a": {"type": "number"}}}, pa.struct([("a", pa.float64())])),
        ({"allOf": [{"type": "integer"}], "description": "A number."}, pa.int64()),
    ],
)
def test_a_schema_has_a_type(part, arrow):
    """Simple types, enums, lists, objects and nullable ones have the Arrow type that one expects."""
    assert arrow_of(part) == arrow


@pytest.mark.parametrize(
    "part",
    [
        True,
        {},
        {"type": ["integer", "string"]},
        {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"enum": ["a", 1]},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"type": "null"},
    ],
)
def test_what_no_type_holds_is_json_text(part):
    """Unions, tuples, maps and anything at all become JSON text."""
    assert columns_of({"type": "object", "properties": {"x": part}})["x"].json


def test_recursion_ends_in_json_text():
    """A type that holds itself is JSON text where it begins anew."""
    tree = {
        "type": "object",
        "properties": {"v": {"type": "integer"}, "kids": {"items": {"$ref": "#/$defs/T"}}},
    }
    columns = columns_of({"$ref": "#/$defs/T", "$defs": {"T": tree}})

    assert columns["v"].arrow == pa.int64()
    assert columns["kids"].items.json


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object"},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"x": {"$ref": "#/$defs/missing"}}},
        {"type": "object", "properties": {"x": {"$ref": "https://example.org/schema.json"}}},
    ],
)
def test_a_schema_without_columns_is_refused(schema):
    """A schema of no object, without properties, or that refers to elsewhere, is a ConfigError."""
    with pytest.raises(ConfigError, match="response_format"):
        columns_of(schema)
