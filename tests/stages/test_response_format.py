from __future__ import annotations

import json
import sys

import pyarrow as pa
import pytest
from pydantic import BaseModel, RootModel

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.response_format import ResponseFormat


class Pair(BaseModel):
    question: str
    answer: str
    score: int | None = None


SCHEMA = Pair.model_json_schema()


def wrapped(**more):
    """Return the schema as in OpenAI's response_format."""
    return {"type": "json_schema", "json_schema": {"name": "a pair!", "schema": SCHEMA, **more}}


@pytest.mark.parametrize("value", [Pair, SCHEMA, wrapped(), f"{__name__}:Pair"])
def test_a_format_is_a_model_a_schema_or_a_name(value, monkeypatch):
    """A model, its schema, OpenAI's wrapper and the name of a model make the same columns."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Pair.__module__])

    assert ResponseFormat(value).columns == (
        pa.field("question", pa.string()),
        pa.field("answer", pa.string()),
        pa.field("score", pa.int64()),
    )


@pytest.mark.parametrize(
    "value",
    [
        7,
        Pair(question="a", answer="b"),
        dict,
        RootModel[list[str]],
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "x"}},
        "no_such_module:Pair",
        "nemo_sdg:NoSuchName",
        "",
    ],
)
def test_anything_else_is_refused(value):
    """What is no model, schema or name of one is a ConfigError that says what to give."""
    with pytest.raises(ConfigError, match="response_format"):
        ResponseFormat(value)


def test_the_parameter_is_strict_where_it_can_be():
    """The field has a name that servers take, and the strict schema unless it is open or unwanted."""
    parameter = ResponseFormat(wrapped()).parameter

    assert (parameter["type"], parameter["json_schema"]["name"]) == ("json_schema", "a_pair_")
    assert parameter["json_schema"]["strict"] is True
    assert parameter["json_schema"]["schema"]["required"] == ["question", "answer", "score"]
    loose = ResponseFormat(wrapped(strict=False)).parameter["json_schema"]
    assert (loose["strict"], loose["schema"]) == (False, SCHEMA)
    open_schema = {"type": "object", "properties": {"x": {}}}
    assert ResponseFormat(open_schema).parameter["json_schema"]["strict"] is False


def test_the_instruction_holds_the_schema():
    """Asked in words, the model gets the schema as JSON."""
    told = ResponseFormat(SCHEMA).instruction

    assert json.loads(told[told.index("{") :]) == SCHEMA


GOOD = {"question": "a", "answer": "b", "score": None}


@pytest.mark.parametrize(
    "text",
    [
        '{"question": "a", "answer": "b"}',
        'Here it is:\n```json\n{"question": "a", "answer": "b"}\n```\nAnything else?',
        'An example is {"question": "x"}. The answer is {"question": "a", "answer": "b", "score": null}.',
        '{"question": "a", "answer": "b", "note": {"question": "c"}}',
        '{question: "a", "answer": "b",',
        "{'question': 'a', 'answer': 'b'}",
    ],
)
def test_answers_are_found_and_mended(text):
    """An object is found alone, in a fence and in prose, and mended where its JSON has slips."""
    assert ResponseFormat(Pair).read(text, repair=True) == GOOD


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("I cannot.", "expected a JSON object, found 'I cannot.'"),
        ("", "found no text"),
        ('{"x": {"a": 1}, "question": "a"', "answer: Field required"),
        ('{"question": "a", "answer": {"b": 1}}', "answer: Input should be a valid string"),
    ],
)
def test_a_fault_is_that_of_the_object_meant(text, fault):
    """What cannot be used says why, of the object that is likeliest meant."""
    with pytest.raises(ParseError, match=fault):
        ResponseFormat(Pair).read(text, repair=True)


def test_what_is_cut_off_is_not_mended():
    """Without repair an object that ends early is none: it would be a part of the answer."""
    with pytest.raises(ParseError):
        ResponseFormat(Pair).read('{"question": "a", "answer": "the beginning of', repair=False)


def test_numbers_as_text_are_mended():
    """A schema that wants a number takes one in quotes, as pydantic does."""
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}, "required": ["n"]}

    assert ResponseFormat(schema).read('{"n": "3", "why": "x"}', repair=True) == {"n": 3}
    with pytest.raises(ParseError, match="n: '9' is not of type 'integer'"):
        ResponseFormat(schema).read('{"n": "9"}', repair=True)


def test_nesting_without_end_is_a_fault():
    """An object that is nested too deeply for its schema to be checked is a ParseError."""
    schema = {
        "$ref": "#/$defs/T",
        "$defs": {"T": {"type": "object", "properties": {"t": {"$ref": "#/$defs/T"}}}},
    }
    with pytest.raises(ParseError):
        ResponseFormat(schema).read('{"t":' * 900 + "{}" + "}" * 900, repair=False)


@pytest.mark.parametrize(("prefix", "field"), [("", "text"), ("p_", "seed"), ("", "row_id"), ("row_", "id")])
def test_columns_cannot_clash(prefix, field):
    """A field whose column the stage or the engine makes already is a ConfigError that names it."""
    form = ResponseFormat({"type": "object", "properties": {field: {"type": "string"}}})

    with pytest.raises(ConfigError, match=field):
        form.check_names(prefix, [prefix + name for name in ("text", "seed")])
