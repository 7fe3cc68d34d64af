from __future__ import annotations

import pytest

from nemo_sdg.stages.schema_strict import strict_schema


def test_everything_is_required_and_closed():
    """Objects at all levels require all their fields and allow no others; defaults are gone."""
    inner = {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": inner},
            "ref": {"$ref": "#/$defs/D", "description": "x"},
            "one": {"oneOf": [inner, {"type": "null"}], "discriminator": {}},
            "default": {"type": "string"},
        },
        "$defs": {"D": inner},
    }
    closed = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }

    assert strict_schema(schema) == {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": closed},
            "ref": {"$ref": "#/$defs/D"},
            "one": {"anyOf": [closed, {"type": "null"}]},
            "default": {"type": "string"},
        },
        "$defs": {"D": closed},
        "required": ["list", "ref", "one", "default"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "part",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "string"}]},
        {},
        {"anyOf": [{"type": "string"}, True]},
    ],
)
def test_what_is_open_cannot_be_strict(part):
    """A schema that allows any fields, items or values has no strict form."""
    assert strict_schema({"type": "object", "properties": {"x": part}}) is None
