"""Typed columns out of JSON answers."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.parse_json import ParseJson
from nemo_sdg.stages.rows import split_rejected

_ALL = {"s": "string", "i": "int", "f": "float", "b": "bool", "l": "list", "o": "object"}


def _parse(fields, *texts, **arguments):
    batch = pa.table({"row_id": range(len(texts)), "text": pa.array(texts, pa.string())})
    return split_rejected(ParseJson(fields, **arguments).process(batch))


def test_types():
    """Each type gives a column of its own Arrow type."""
    made, rejections = _parse(_ALL, '{"s":"é","i":3,"f":2,"b":true,"l":["a",1,{"k":2}],"o":{"k":[1]}}')

    assert rejections == []
    assert made.drop_columns(["row_id", "text"]).to_pylist() == [
        {"s": "é", "i": 3, "f": 2.0, "b": True, "l": ["a", "1", '{"k":2}'], "o": '{"k":[1]}'}
    ]
    assert [made.schema.field(name).type for name in _ALL] == [
        pa.string(),
        pa.int64(),
        pa.float64(),
        pa.bool_(),
        pa.list_(pa.string()),
        pa.string(),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", 3, "3"),
        ("int", "12", 12),
        ("int", 4.0, 4),
        ("float", "2.5", 2.5),
        ("bool", "Yes", True),
        ("bool", "false", False),
        ("list", [], []),
        ("object", {}, "{}"),
    ],
)
def test_coercion(kind, value, expected):
    """Values that mean the type without doubt are taken."""
    made, _ = _parse({"x": kind}, json.dumps({"x": value}))

    assert made["x"].to_pylist() == [expected]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", ["a"]),
        ("string", True),
        ("string", None),
        ("int", 1.5),
        ("int", "many"),
        ("int", True),
        ("int", 2**63),
        ("int", "9" * 5000),
        ("float", "nan"),
        ("float", "1e999"),
        ("float", True),
        ("bool", 1),
        ("bool", "perhaps"),
        ("list", "a, b"),
        ("list", {"a": 1}),
        ("object", [1]),
    ],
)
def test_wrong_type(kind, value):
    """Another type rejects the row, naming the field, the type and what was found."""
    made, [rejection] = _parse({"x": kind}, json.dumps({"x": value}))

    assert made.num_rows == 0
    assert rejection.error == "ParseError"
    assert f"expected {kind} in the field 'x'; found " in rejection.message


def test_missing_field_and_object():
    """Rejections say which field is missing and what is there, or how the text without an object begins."""
    _, rejections = _parse({"x": "int", "y": "int"}, '{"x": 1, "z": 2}', "I cannot do that", None)

    assert "'y' (int); the object has x, z" in rejections[0].message
    assert "x, y; found 'I cannot do that'" in rejections[1].message
    assert "'text' is null" in rejections[2].message


def test_the_object_with_all_fields_is_taken():
    """An example before the real answer does not hide it."""
    made, _ = _parse({"x": "int"}, 'Format {"y": 0}. Answer: {"x": 5}')

    assert made["x"].to_pylist() == [5]


def test_repair_can_be_switched_off():
    """Slips reject the row when repair is off."""
    assert _parse({"x": "int"}, "{'x': 1}")[0]["x"].to_pylist() == [1]
    assert len(_parse({"x": "int"}, "{'x': 1}", repair=False)[1]) == 1


def test_half_a_surrogate_pair():
    """An escape that UTF-8 cannot hold costs no other row its answer."""
    made, rejections = _parse({"x": "string", "l": "list"}, r'see {"x": "a\ud800", "l": ["\udc00"]}')

    assert rejections == []
    assert made["x"].to_pylist() == ["a?"]


def test_other_column():
    """The column to parse can be chosen, and is what the stage needs."""
    stage = ParseJson({"x": "int"}, column="reply")

    assert stage.requires == ("reply",)
    assert stage.adds == ("x",)
    assert stage.process(pa.table({"reply": ['{"x":1}']}))["x"].to_pylist() == [1]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(st.text() | st.text(alphabet='{}[]":,silfbo0123.e\\ud8"'), max_size=4),
    st.dictionaries(
        st.sampled_from("siflbo"),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            st.lists,
            max_leaves=4,
        ),
    ),
)
def test_no_text_fails_the_batch(texts, values):
    """Whatever models write, each row is parsed or rejected with a ParseError."""
    made, rejections = _parse(_ALL, *texts, json.dumps(values))

    assert made.num_rows + len(rejections) == len(texts) + 1
    assert {rejection.error for rejection in rejections} <= {"ParseError"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "fields is {}"),
        (["x"], "fields is"),
        ({"x": "integer"}, "type of field 'x' is 'integer': give one of string, int"),
        ({"row_id": "int"}, "'row_id', which belongs to the engine"),
        ({"": "int"}, "a name in fields is ''"),
    ],
)
def test_refused_fields(fields, complaint):
    """Fields that cannot be used are refused with the remedy."""
    with pytest.raises(ConfigError, match=complaint):
        ParseJson(fields)
