"""Whether an object is what a schema or a pydantic model asks for."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.schema_shapes import columns_of
from nemo_sdg.stages.step import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from nemo_sdg.stages.schema_shapes import Shape

_MOST_FAULTS = 5  # to tell a model or a person at a time
_LONGEST_FAULT = 200  # characters; a fault may repeat the whole value


class Check(Protocol):
    """Knows what is asked for, and refuses what is something else."""

    name: str
    schema: dict[str, Any]
    """What a model is told."""
    columns: Mapping[str, Shape]
    """Of what `__call__` returns."""
    code: str | None
    """A digest of the source text of what checks, where it is the user's."""

    def __call__(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return the object as it is to be kept; raises `ParseError` that lists what is wrong."""
        ...


class SchemaCheck:
    """Checks against a JSON schema; raises `ConfigError` for one that is none."""

    def __init__(self, schema: dict[str, Any], name: str | None = None) -> None:
        self.name = name or str(schema.get("title") or "answer")
        self.schema = schema
        self.columns: Mapping[str, Shape] = columns_of(schema)
        self.code: str | None = None
        try:
            self._text = json.dumps(schema)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"response_format is no JSON schema, for JSON cannot hold it: {error}"
            ) from None
        _validator(self._text)

    def __call__(self, found: dict[str, Any]) -> dict[str, Any]:
        """See `Check`."""
        errors = sorted(_validator(self._text).iter_errors(found), key=lambda error: error.json_path)
        if errors:
            raise ParseError(
                _listed([(error.json_path.removeprefix("$."), error.message) for error in errors])
            )
        return found


class ModelCheck:
    """Checks by making an object of a pydantic model, and returns it as plain values under its fields' names.

    So values are as the model's validators and defaults leave them.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415 - only for who uses models

        class Untitled(GenerateJsonSchema):
            """Leaves out titles that only repeat the fields' names: they would be paid for in each prompt."""

            def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
                return False

        try:
            self.schema = model.model_json_schema(schema_generator=Untitled)
            kept = model.model_json_schema(by_alias=False, mode="serialization", schema_generator=Untitled)
        except Exception as error:  # noqa: BLE001 - of many kinds, by what the model holds
            raise ConfigError(
                f"response_format is {model.__name__}, of which pydantic can make no JSON schema: {error}"
            ) from None
        self.name = model.__name__
        self.columns: Mapping[str, Shape] = columns_of(kept)
        self.code: str | None = digest_of(model)  # here, where its source is: on a worker it may not be
        self._model = model

    def __call__(self, found: dict[str, Any]) -> dict[str, Any]:
        """See `Check`; what a validator raises other than pydantic's errors is the user's to see."""
        from pydantic import ValidationError  # noqa: PLC0415 - as above

        # As JSON, for a strict model takes a date from JSON text and not from a Python string.
        text = json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
        try:
            made = self._model.model_validate_json(text)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            raise ParseError(
                _listed([(".".join(map(str, fault["loc"])), fault["msg"]) for fault in faults])
            ) from None
        return made.model_dump(mode="json", by_alias=False)


def _listed(faults: list[tuple[str, str]]) -> str:
    shown = [
        (f"{place}: " if place not in ("", "$") else "") + message[:_LONGEST_FAULT]
        for place, message in faults[:_MOST_FAULTS]
    ]
    more = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    import jsonschema  # noqa: PLC0415 - takes long to import
    from referencing import Registry  # noqa: PLC0415 - comes with it

    decoded = json.loads(schema)
    kind = jsonschema.validators.validator_for(decoded, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(decoded)
    except jsonschema.SchemaError as error:
        raise ConfigError(
            f"response_format is no JSON schema: {error.json_path}: {error.message:.200}"
        ) from None
    return kind(decoded, registry=Registry())  # an empty one, so that nothing is fetched from the network
