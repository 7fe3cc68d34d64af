"""Finding a JSON object in what a model wrote."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import json_repair
import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FENCED = re.compile(r"```[ \t]*[\w+-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_REASONING_END = "</think>"
_MOST_TRIES = 100  # braces at which an object may begin; bounds the work on a text full of them
# Repairing is slow on long texts, and takes the square of the number of braces that never close.
_MOST_REPAIRED = 50_000  # characters
_MOST_BRACES = 200

_decode = msgspec.json.Decoder().decode
_raw_decode = json.JSONDecoder().raw_decode


def without_reasoning(text: str) -> str:
    """Return the text without the reasoning that some servers leave in front of the answer."""
    return text.rpartition(_REASONING_END)[2]


def find_object(
    text: str, wanted: Callable[[dict[str, Any]], bool], *, repair: bool = False
) -> dict[str, Any] | None:
    """Return the first JSON object in `text` that is `wanted`, else the first one, else None.

    It may stand alone, in a fence or amid prose, or in a list; `repair` also takes JSON with slips such as
    missing quotes or brackets.
    """
    text = without_reasoning(text)
    first = None
    for candidate in objects_in(text, repair=repair):
        if wanted(candidate):
            return candidate
        first = first or candidate
    return first


def objects_in(text: str, *, repair: bool) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects that may be meant by `text`, the likeliest first; see `find_object`."""
    fenced = [match[1] for match in _FENCED.finditer(text)]
    for part in (text, *fenced):
        yield from _objects(_decoded(part))
    start, tries = text.find("{"), 0
    while start >= 0 and tries < _MOST_TRIES:
        try:
            value, end = _raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield from _objects(value)
        start, tries = text.find("{", end), tries + 1
    if repair:
        for part in (*fenced, text):
            yield from _objects(_repaired(part))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, dict):
            yield item


def _decoded(text: str) -> Any:
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _repaired(text: str) -> Any:
    start = text.find("{")
    if start < 0 or text.count("{") > _MOST_BRACES:
        return None
    try:
        return json_repair.loads(text[start : start + _MOST_REPAIRED], skip_json_loads=True)
    except Exception:  # noqa: BLE001 - it works on any text, and what it cannot mend is no object
        return None
