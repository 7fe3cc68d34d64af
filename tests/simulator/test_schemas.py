from __future__ import annotations

import json

import pytest

from nemo_sdg.simulator.schemas import fitting, one_of, schema_in

SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 3, "exclusiveMaximum": 200, "maximum": 7},
        "kind": {"enum": ["a", "b"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "minItems": 2},
        "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        "born": {"type": "string", "format": "date"},
    },
}


def test_values_fit():
    """Bounds, enums, formats and references hold; a schema that holds itself comes to an end."""
    found = [json.loads(fitting(SCHEMA, b"%d" % number)) for number in range(50)]

    assert {each["age"] for each in found} == {3, 4, 5, 6, 7}
    assert {each["kind"] for each in found} == {"a", "b"}
    assert all(len(each["tags"]) >= 2 and max(map(len, each["tags"])) <= 4 for each in found)
    assert {type(each["next"]) for each in found} == {dict, type(None)}


def test_one_of_texts():
    """The key decides which of several texts it is, and each may be."""
    texts = ["a", "b", "c"]
    assert {one_of(texts, b"%d" % number) for number in range(50)} == set(texts)
    assert one_of(texts, b"x") == one_of(texts, b"x")


def test_the_key_decides():
    """The same key makes the same value, other keys others; about the wrong share does not fit."""
    assert fitting(SCHEMA, b"x") == fitting(SCHEMA, b"x") != fitting(SCHEMA, b"y")
    wrong = ["age" not in fitting(SCHEMA, b"%d" % number, wrong=0.3) for number in range(500)]
    assert 100 < sum(wrong) < 200


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Follow this JSON schema:\n{"type": "object"}\nNow.', {"type": "object"}),
        ("Follow the JSON schema {broken", None),
        ("Follow a JSON schema.", None),
        ('No schema: {"type": "object"}', None),
    ],
)
def test_a_schema_is_found_in_words(text, found):
    """A schema counts when the prompt calls it one and it is JSON."""
    assert schema_in(text) == found
