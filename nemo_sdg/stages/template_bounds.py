"""How much a template may make of one row, so that no template and no row fills the memory or never ends."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_CHARACTERS = 50_000_000
"""Of one prompt, and of all texts made on the way to it."""
_MOST_SECONDS = 3.0  # of CPU, for one row

_SPEC = re.compile(r"\{[^{}]*\}|%[^a-zA-Z%]*")  # what may hold a width, in the two ways to format
_VARIABLE_WIDTH = re.compile(r"\{[^{}]*:[^{}]*\{|%[^a-zA-Z%]*\*")
_LONGEST_WIDTH = 8  # digits

_BY_NUMBER = ("center", "ljust", "rjust", "zfill", "batch", "slice")
_EACH_BY_NUMBER = ("indent", "expandtabs", "tojson")
_EACH_BY_TEXT = ("join", "indent", "wordwrap")
_BY_SPEC = ("format", "format_map", "strftime", "%")


class TooMuch(Exception):  # noqa: N818 - it reads so in a message
    """A template makes more of a row than is allowed."""


class Bounds:
    """What is left for one row."""

    def __init__(self) -> None:
        self._left = MOST_CHARACTERS
        self._until = time.thread_time() + _MOST_SECONDS

    def spend(self, characters: int) -> None:
        """Take note that text is made; raises `TooMuch`."""
        self._left -= characters
        if self._left < 0:
            raise TooMuch(f"it makes more than {MOST_CHARACTERS:,} characters: shorten its loops and texts")
        if time.thread_time() > self._until:
            raise TooMuch(f"it takes more than {_MOST_SECONDS:g} seconds: shorten its loops")

    def made(self, value: Any) -> Any:
        """Return `value`, with its text taken note of; lists hold what was there before."""
        self.spend(len(value) if isinstance(value, str) else 1)
        return value


_bounds: ContextVar[Bounds] = ContextVar("bounds")


@contextmanager
def bounded() -> Iterator[None]:
    """Give one row its bounds."""
    token = _bounds.set(Bounds())
    try:
        yield
    finally:
        _bounds.reset(token)


def bounds() -> Bounds:
    """Return what is left for the row that is worked on."""
    return _bounds.get()


def weight(value: Any, known: dict[int, int] | None = None) -> int:
    """Return about how many characters `value` has when it is written, what is in it twice counted twice."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (list, tuple, dict)):
        return 1
    known = {} if known is None else known
    if id(value) not in known:
        known[id(value)] = 1  # it may be in itself
        items = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(weight(item, known) for item in items)
    return known[id(value)]


def check_growth(name: str, value: Any, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
    """Raise `TooMuch` when the function `name` of `value` would make too much of it."""
    others = (*arguments, *named.values())
    texts = [other for other in others if isinstance(other, str)]
    numbers = [other for other in others if isinstance(other, int)]
    size = weight(value)
    grown = max(size, *(weight(other) for other in others), 0)
    if name == "replace" and isinstance(value, str) and len(texts) > 1:
        grown = len(value) + value.count(texts[0]) * len(texts[1])
    elif name in _BY_SPEC and isinstance(value, str):
        grown += _widths(value)
        texts = []
    elif name == "strftime":
        grown = sum(map(_widths, texts))
    if name in _BY_NUMBER:
        grown += max(numbers, default=0)
    if name in _EACH_BY_NUMBER:
        grown = max(grown, size * max(numbers, default=0))
    if name in _EACH_BY_TEXT:
        grown = max(grown, size * (1 + max(map(len, texts), default=0)))
    if grown > MOST_CHARACTERS:
        raise TooMuch(f"{name} makes more than {MOST_CHARACTERS:,} characters: shorten it")


def _widths(text: str) -> int:
    """Return how many characters the widths in a format text ask for together."""
    if _VARIABLE_WIDTH.search(text):
        raise TooMuch("a width that a value gives is not allowed: write the number")
    digits = [found for spec in _SPEC.findall(text) for found in re.findall(r"\d+", spec)]
    return sum(int(found) if len(found) <= _LONGEST_WIDTH else MOST_CHARACTERS + 1 for found in digits)
