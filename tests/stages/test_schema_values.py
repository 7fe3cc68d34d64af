from __future__ import annotations

import json

import pytest

from nemo_sdg.errors import ParseError
from nemo_sdg.stages.schema_shapes import columns_of
from nemo_sdg.stages.schema_values import column_values, mended

SHAPES = columns_of(
    {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "x": {"type": "number"},
            "ok": {"type": "boolean"},
            "word": {"type": "string"},
            "parts": {"type": "array", "items": {"properties": {"n": {"type": "integer"}}}},
            "any": {},
        },
    }
)


def test_slips_are_mended():
    """Numbers and booleans as text become what they mean, and fields that nobody asked for are left out."""
    found = {"n": "5", "x": "1.5", "ok": "yes", "word": 7, "parts": [{"n": "2", "why": "x"}], "note": "hm"}

    assert mended(found, SHAPES) == {"n": 5, "x": 1.5, "ok": True, "word": "7", "parts": [{"n": 2}]}


def test_what_cannot_be_mended_stays():
    """A value of another kind stays as it is, for the schema to refuse."""
    found = {"n": "many", "parts": "none", "any": "5", "word": None}

    assert mended(found, SHAPES) == found


def test_whole_floats_are_integers():
    """2.0 is a whole number, as JSON Schema has it; what is missing is null."""
    assert column_values({"n": 2.0, "any": {"a": [1]}}, SHAPES) == {
        "n": 2,
        "x": None,
        "ok": None,
        "word": None,
        "parts": None,
        "any": '{"a":[1]}',
    }


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ({"n": 2**63}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": float("inf")}, "n"),
        ({"x": float("nan")}, "x"),
        ({"x": 10**400}, "x"),
        ({"parts": [{"n": 1}, {"n": True}]}, r"parts\[1\].n"),
    ],
)
def test_what_no_column_holds_is_named(found, place):
    """A number beyond the column's type is a ParseError that says where it is."""
    with pytest.raises(ParseError, match=f"^{place}: "):
        column_values(found, SHAPES)


def test_halves_of_surrogate_pairs_do_no_harm():
    """Text that UTF-8 cannot hold is replaced, in JSON texts too."""
    found = column_values({"word": "a\ud800", "any": ["b\udfff"]}, SHAPES)

    assert found["word"] == "a?"
    assert json.loads(found["any"]) == ["b?"]
