from __future__ import annotations

import datetime as dt
import json
import pickle
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.schema_checks import ModelCheck, SchemaCheck


class Place(BaseModel):
    city: str


class Person(BaseModel):
    """A person, told of under an alias."""

    model_config = ConfigDict(strict=True)

    text_: str = Field(alias="text")
    born: dt.date
    kind: Literal["x", "y"] = "x"
    price: Decimal | None = None
    places: list[Place] = []

    @field_validator("text_")
    @classmethod
    def _tidy(cls, value):
        return value.strip()


def test_a_model_tells_aliases_and_keeps_names():
    """The model is told aliases and no titles; columns have the names of fields and the types of a dump."""
    check = ModelCheck(Person)

    assert list(check.schema["properties"]) == ["text", "born", "kind", "price", "places"]
    assert "title" not in json.dumps(check.schema["properties"])
    assert {name: shape.arrow for name, shape in check.columns.items()} == {
        "text_": pa.string(),
        "born": pa.string(),
        "kind": pa.string(),
        "price": pa.string(),
        "places": pa.list_(pa.struct([("city", pa.string())])),
    }


def test_a_model_has_its_say_about_values():
    """Validators and defaults decide what is kept; a strict model takes dates from JSON text."""
    assert ModelCheck(Person)({"text": " a ", "born": "2001-02-03", "price": "1.50", "more": 1}) == {
        "text_": "a",
        "born": "2001-02-03",
        "kind": "x",
        "price": "1.50",
        "places": [],
    }


def test_faults_of_a_model_are_listed():
    """What is wrong is told by place, without links and values, five at a time."""
    with pytest.raises(ParseError) as caught:
        ModelCheck(Person)({"text": 5, "kind": "z", "places": [{}]})

    said = str(caught.value)
    assert said.startswith("text: Input should be a valid string; born: Field required; kind: ")
    assert "places.0.city: Field required" in said
    assert "http" not in said


def test_a_model_that_json_cannot_describe_is_refused():
    """A model with a field of an arbitrary class is a ConfigError that names it."""

    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        thing: memoryview

    with pytest.raises(ConfigError, match="Odd"):
        ModelCheck(Odd)


SCHEMA: dict[str, Any] = {
    "title": "Score",
    "type": "object",
    "properties": {"score": {"type": "integer", "maximum": 5}, "why": {"type": "string"}},
    "required": ["score", "why"],
}


def test_faults_of_a_schema_are_listed():
    """What is wrong is told by place; many faults are counted and long values cut."""
    check = pickle.loads(pickle.dumps(SchemaCheck(SCHEMA)))

    assert check.name == "Score"
    assert check({"score": 5, "why": ""}) == {"score": 5, "why": ""}
    with pytest.raises(ParseError) as caught:
        check({"score": 9, "why": ["x" * 1000]})
    assert str(caught.value).startswith("score: 9 is greater than the maximum of 5; why: ['xxx")
    assert len(str(caught.value)) < 300


def test_many_faults_are_counted():
    """More than five faults are not all listed."""
    names = [f"f{number}" for number in range(8)]
    check = SchemaCheck({"type": "object", "properties": {name: {} for name in names}, "required": names})

    with pytest.raises(ParseError, match=r"and 3 more$"):
        check({})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "number", "minimum": "low"}}},
        {"type": "object", "properties": {"a": {"type": "text"}}},
        {"type": "object", "properties": {"a": {"const": {1, 2}}}},
    ],
)
def test_a_schema_that_is_none_is_refused(schema):
    """A keyword with a wrong value, or what JSON cannot hold, is a ConfigError."""
    with pytest.raises(ConfigError, match="no JSON schema"):
        SchemaCheck(schema)
