"""Values that fit a JSON schema, as a model makes them that is held to one."""

from __future__ import annotations

import json
import random
from hashlib import blake2b
from typing import Any

_WORDS = ("amber", "basalt", "cedar", "delta", "ember", "fjord", "grove", "harbour", "iris", "juniper")
_FORMATS = {
    "date": "2024-05-17",
    "date-time": "2024-05-17T12:30:00Z",
    "time": "12:30:00Z",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "uuid": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
}
_DEEPEST = 6
_MOST_ITEMS = 3

_raw_decode = json.JSONDecoder().raw_decode


def schema_in(text: str) -> dict[str, Any] | None:
    """Return the JSON schema that a prompt gives in words: the object after the words "JSON schema"."""
    place = text.rfind("JSON schema")
    start = text.find("{", place)
    if place < 0 or start < 0:
        return None
    try:
        found = _raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def fitting(schema: dict[str, Any], key: bytes, *, wrong: float = 0.0) -> str:
    """Return the JSON of a value that fits `schema`; `key` decides which, and whether it is a `wrong` one."""
    dice = random.Random(blake2b(key, digest_size=8).digest())
    spoilt = dice.random() < wrong
    value = _value(schema, schema, dice, 0)
    if spoilt:
        value = {"answer": "something else"}
    return json.dumps(value, ensure_ascii=False)


def _value(schema: Any, root: Any, dice: random.Random, depth: int) -> Any:
    schema = _resolved(schema, root)
    if not isinstance(schema, dict) or "const" in schema:
        return schema["const"] if isinstance(schema, dict) else dice.choice(_WORDS)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        nulls = [option for option in options if _resolved(option, root) == {"type": "null"}]
        return _value(nulls[0] if nulls and depth > _DEEPEST else dice.choice(options), root, dice, depth)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = dice.choice(kind)
    if kind == "object":
        parts = schema.get("properties", {})
        wanted = schema.get("required", []) if depth > _DEEPEST else parts
        return {name: _value(parts[name], root, dice, depth + 1) for name in wanted if name in parts}
    if kind == "array":
        least = schema.get("minItems", 0)
        most = max(least, min(schema.get("maxItems", _MOST_ITEMS), 0 if depth > _DEEPEST else _MOST_ITEMS))
        items = schema.get("items", {"type": "string"})
        return [_value(items, root, dice, depth + 1) for _ in range(dice.randint(least, most))]
    return _plain(kind, schema, dice)


def _plain(kind: str, schema: dict[str, Any], dice: random.Random) -> Any:
    if kind in ("integer", "number"):
        low, high = schema.get("minimum"), schema.get("maximum")
        low = schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else low
        low = (0 if high is None else min(0, high)) if low is None else low
        high = low + 100 if high is None else high
        return dice.randint(low, high) if kind == "integer" else round(dice.uniform(low, high), 3)
    if kind == "boolean":
        return dice.random() < 0.5  # noqa: PLR2004 - a coin
    if kind == "null":
        return None
    named = _FORMATS.get(schema.get("format", ""))
    text = named or " ".join(dice.choices(_WORDS, k=3))
    while len(text) < schema.get("minLength", 0):
        text += f" {dice.choice(_WORDS)}"
    return text[: schema.get("maxLength")]


def _resolved(schema: Any, root: Any) -> Any:
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        found = root
        for step in schema["$ref"].removeprefix("#").split("/")[1:]:
            found = found.get(step, {}) if isinstance(found, dict) else {}
        schema = found
    if isinstance(schema, dict) and len(schema.get("allOf", ())) == 1:
        return _resolved(schema["allOf"][0], root)
    return schema
