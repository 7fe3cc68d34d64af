"""What form answers are to have: told to a model, read from what it says."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.answer_json import objects_in
from nemo_sdg.stages.columns import check_new_columns
from nemo_sdg.stages.schema_checks import ModelCheck, SchemaCheck
from nemo_sdg.stages.schema_shapes import columns_of
from nemo_sdg.stages.schema_strict import strict_schema
from nemo_sdg.stages.schema_values import column_values, mended
from nemo_sdg.stages.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.stages.schema_checks import Check

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64


class ResponseFormat:
    """The form of answers, from a pydantic model, a JSON schema, or "module:Model" that names either.

    A schema may also stand as in OpenAI's `response_format`: under `json_schema`, with `name` and `strict`.
    Raises `ConfigError` for anything else.
    """

    def __init__(self, value: Any) -> None:
        strict = None
        if isinstance(value, str):
            value = _named(value)
        if isinstance(value, dict) and "json_schema" in value:
            wrapped = value["json_schema"]
            if not isinstance(wrapped, dict) or not isinstance(wrapped.get("schema"), dict):
                raise ConfigError(
                    f"response_format is {value!r:.120}: put the JSON schema under json_schema.schema"
                )
            strict = wrapped.get("strict")
            self._check: Check = SchemaCheck(wrapped["schema"], wrapped.get("name"))
        elif isinstance(value, dict):
            self._check = SchemaCheck(value)
        elif isinstance(value, type) and hasattr(value, "model_json_schema"):
            self._check = ModelCheck(value)
        else:
            raise ConfigError(
                f"response_format is {value!r:.120}: give a pydantic model (the class), a JSON schema as a "
                "dict, or the name of either as module:Name"
            )
        self._asked = columns_of(self._check.schema)  # whose names may be aliases of those of the columns
        name = _NOT_IN_NAMES.sub("_", self._check.name)[:_LONGEST_NAME] or "answer"
        exact = strict_schema(self._check.schema) if strict is not False else None
        self.parameter: dict[str, Any] = {
            "type": "json_schema",
            "json_schema": {
                "name": name,
                "schema": exact or self._check.schema,
                "strict": exact is not None,
            },
        }
        """The value of the request field `response_format`."""

    @property
    def columns(self) -> tuple[pa.Field, ...]:
        """The columns that an answer fills."""
        return tuple(pa.field(name, shape.arrow) for name, shape in self._check.columns.items())

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the answers, and what is made of them."""
        code = {} if self._check.code is None else {"code": self._check.code}
        return {"schema": self._check.schema, **code}

    @property
    def instruction(self) -> str:
        """What asks for it in words."""
        schema = msgspec.json.encode(self._check.schema).decode()
        return f"Answer with one JSON object and nothing else. It has to follow this JSON schema:\n{schema}"

    def check_names(self, prefix: str, own: Sequence[str]) -> None:
        """Raise `ConfigError` when a column of this, with `prefix`, cannot stand beside the columns `own`."""
        for field in self.columns:
            name = prefix + field.name
            if name in own:
                raise ConfigError(
                    f"response_format has the field {field.name!r}, but the stage makes a column {name!r} of "
                    "its own: call it otherwise (in a pydantic model with this name as its alias)"
                )
        check_new_columns((prefix + field.name for field in self.columns), "response_format")

    def read(self, text: str, *, repair: bool) -> dict[str, Any]:
        """Return the values of the columns for the object in `text`; `repair` mends slips in its JSON.

        Raises `ParseError` that says what is wrong.
        """
        best: ParseError | None = None
        most = -1
        for found in objects_in(text, repair=repair):
            known = len(found.keys() & self._asked.keys())
            try:
                return self._values(found)
            except ParseError as error:
                if known > most:  # others may be parts of the object that is meant
                    best, most = error, known
        raise best or ParseError(f"expected a JSON object, found {beginning(text) if text else 'no text'}")

    def _values(self, found: dict[str, Any]) -> dict[str, Any]:
        first: ParseError | None = None
        for candidate in self._readings(found):
            try:
                return column_values(self._check(candidate), self._check.columns)
            except ParseError as error:
                first = first or error
            except RecursionError:
                first = first or ParseError("the object is nested too deeply")
        assert first is not None
        raise first

    def _readings(self, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield found
        better = mended(found, self._asked)
        if better != found:
            yield better


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"response_format is {name!r}, which cannot be imported ({error}): write module:Model, with the "
            "module beside the config file or in the current folder"
        ) from None
