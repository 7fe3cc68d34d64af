"""Values that fit a JSON schema, as a model makes them that is held to one."""

from __future__ import annotations

import json
import random
import re
from hashlib import blake2b
from typing import Any

from nemo_sdg.simulator.languages import language_of
from nemo_sdg.simulator.phrases import make_pair

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
_MOST_ITEMS, _MOST_ASKED = 3, 100
_ASKED = re.compile(
    r"\b(?:exactly|write|list|name|give|make)(?: me)? ([0-9]{1,3})\b(?: ([a-z]+))?", re.IGNORECASE
)
_SAID = re.compile(r"question|answer|reason|explanation|rationale|comment|summary", re.IGNORECASE)

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


def fitting(schema: dict[str, Any], key: bytes, *, prompt: str = "", wrong: float = 0.0) -> str:
    """Return the JSON of a value that fits `schema`; `key` decides which, and whether it is a `wrong` one.

    Lists have as many items as `prompt` asks for, as in "exactly 5", where the schema allows it.
    """
    dice = random.Random(blake2b(key, digest_size=8).digest())
    spoilt = dice.random() < wrong
    value = _Maker(schema, dice, prompt).value(schema)
    if spoilt:
        value = {"answer": "something else"}
    return json.dumps(value, ensure_ascii=False)


def one_of(texts: list[str], key: bytes) -> str:
    """Return one of `texts`; `key` decides which."""
    return random.Random(blake2b(key, digest_size=8).digest()).choice(texts)


class _Maker:
    """Makes values for the parts of a schema."""

    def __init__(self, root: dict[str, Any], dice: random.Random, prompt: str) -> None:
        self._root = root
        self._dice = dice
        self._prompt = prompt

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        """Return a value for `schema`, which is called `name` where it is a property."""
        schema, dice = _resolved(schema, self._root), self._dice
        if not isinstance(schema, dict) or "const" in schema:
            return schema["const"] if isinstance(schema, dict) else dice.choice(_WORDS)
        if "enum" in schema:
            return dice.choice(schema["enum"])
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            nulls = [option for option in options if _resolved(option, self._root) == {"type": "null"}]
            return self.value(nulls[0] if nulls and depth > _DEEPEST else dice.choice(options), name, depth)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = dice.choice(kind)
        if kind == "object":
            parts = schema.get("properties", {})
            wanted = schema.get("required", []) if depth > _DEEPEST else parts
            return {part: self.value(parts[part], part, depth + 1) for part in wanted if part in parts}
        if kind == "array":
            return self._list(schema, name, depth)
        return self._text(schema, name) if kind == "string" else _plain(kind, schema, dice)

    def _list(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        least, highest = schema.get("minItems", 0), schema.get("maxItems", _MOST_ASKED)
        asked = _ASKED.search(self._prompt)
        if depth > _DEEPEST:
            number = least
        elif asked is not None:
            number = max(least, min(int(asked[1]), highest))
            name = asked[2] or name
        else:
            number = self._dice.randint(least, max(least, min(highest, _MOST_ITEMS)))
        items = schema.get("items", {"type": "string"})
        return [self.value(items, name, depth + 1) for _ in range(number)]

    def _text(self, schema: dict[str, Any], name: str) -> str:
        """Return a text of the kind that `name` lets one expect: a question, a sentence, or a few words."""
        dice, said = self._dice, _SAID.search(name)
        text = _FORMATS.get(schema.get("format", ""))
        if text is None and said is not None:
            pair = make_pair(language_of(self._prompt), dice.getrandbits(64))
            text = pair.question if said[0].lower() == "question" else pair.answer
        text = text or " ".join(dice.choices(_WORDS, k=3))
        while len(text) < schema.get("minLength", 0):
            text += f" {dice.choice(_WORDS)}"
        return text[: schema.get("maxLength")]


def _plain(kind: str, schema: dict[str, Any], dice: random.Random) -> Any:
    if kind in ("integer", "number"):
        low, high = schema.get("minimum"), schema.get("maximum")
        low = schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else low
        low = (0 if high is None else min(0, high)) if low is None else low
        high = low + 100 if high is None else high
        return dice.randint(low, high) if kind == "integer" else round(dice.uniform(low, high), 3)
    if kind == "boolean":
        return dice.random() < 0.5  # noqa: PLR2004 - a coin
    return None


def _resolved(schema: Any, root: Any) -> Any:
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        found = root
        for step in schema["$ref"].removeprefix("#").split("/")[1:]:
            found = found.get(step, {}) if isinstance(found, dict) else {}
        schema = found
    if isinstance(schema, dict) and len(schema.get("allOf", ())) == 1:
        return _resolved(schema["allOf"][0], root)
    return schema
