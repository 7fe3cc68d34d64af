"""The faults of a config in words: key, value, what is allowed, the nearest key for a misspelling."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from nemo_sdg.redact import may_be_key, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_SECRET = ("key", "token", "secret", "password")
_SHOWN = 60  # characters of a value


def faults_of(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Yield a line for each fault in `error`, which came of checking a config against `model`."""
    for detail in error.errors():
        yield _fault(detail, model)


def _fault(detail: ErrorDetails, model: type[BaseModel]) -> str:
    location = detail["loc"]
    key = ".".join(str(part) for part in location)
    kind = detail["type"]
    if kind == "extra_forbidden":
        names = list(_section(model, location[:-1]).model_fields)
        near = difflib.get_close_matches(str(location[-1]), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"allowed are {', '.join(names)}"
        return f"{key}: there is no such key; {hint}"
    if kind == "missing":
        return f"{key} is missing: {_meaning(model, location)}"
    message = detail["msg"]
    if kind == "value_error":  # one of ours, which names the value and what is allowed itself
        message = message.removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    # YAML takes `no`, `1.5` and the like for other than text.
    quotes = kind == "string_type" and isinstance(detail["input"], (bool, int, float))
    remedy = "; write it in quotes" if quotes else ""
    return f"{key} is {_hidden(key) or shown(detail['input'])}: {message[0].lower()}{message[1:]}{remedy}"


def _section(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel]:
    for part in location:
        field = model.model_fields.get(str(part))
        below = field.annotation if field else None
        if isinstance(below, type) and issubclass(below, BaseModel):
            model = below
    return model


def _meaning(model: type[BaseModel], location: Sequence[int | str]) -> str:
    field = _section(model, location[:-1]).model_fields.get(str(location[-1]))
    return (field.description if field else None) or "give a value"


def _hidden(key: str) -> str:
    return "not shown" if any(word in key.lower() for word in _SECRET) else ""


def shown(value: Any) -> str:
    """Return a value of a config for a message, cut off where it is long; not what may be a credential."""
    text = repr(redacted(value))
    if may_be_key(text):
        return "not shown, for it may be a key"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
