"""Text of rows and settings made safe for one line of a terminal or log."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_JOINERS = "\u200c\u200d"
"""Invisible, but words in several scripts and joined emoji need them."""
_ELLIPSIS = "…"


def one_line(text: str, width: int | None = None) -> str:
    """Return `text` as one harmless line, cropped to `width` columns of a terminal.

    Line breaks and other space become one space each, control characters a replacement character. Marks that
    turn the direction of writing are left out: one that is not closed would turn the rest of the screen.
    """
    if width is not None:
        text = text[: 8 * width + 64]  # what cannot be shown need not be looked at; rows can be megabytes
    line = " ".join("".join(map(_harmless, text)).split())
    return line if width is None else crop(line, width)


def value_line(value: Any, width: int | None = None) -> str:
    """Return any value of a row or setting as one line: text as it is, the rest as JSON."""
    if isinstance(value, str):
        return one_line(value, width)
    return one_line(json.dumps(value, ensure_ascii=False, default=str), width)


def crop(line: str, width: int) -> str:
    """Return `line` cut so that it takes at most `width` columns, with an ellipsis where it was cut."""
    if display_width(line) <= width:
        return line
    room, kept = width - 1, 0
    for character in line:
        room -= _columns(character)
        if room < 0:
            break
        kept += 1
    return line[:kept].rstrip() + _ELLIPSIS if width > 0 else ""


def display_width(line: str) -> int:
    """Return the columns that `line` takes at most: two for a wide character, none for a mark on another.

    Terminals differ about joined emoji; the sum over their parts is what the most wasteful ones use.
    """
    return sum(map(_columns, line))


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield `text` as harmless lines of at most `width` columns, its own lines kept apart.

    Lines break at spaces where there are any, else between characters.
    """
    for whole in text.splitlines():
        line = "".join(map(_harmless, whole.expandtabs(4))).rstrip()
        while True:
            end, room = 0, width
            while end < len(line) and (room := room - _columns(line[end])) >= 0:
                end += 1
            if end == len(line):
                break
            end = max(1, end)
            space = line.rfind(" ", 1, end + 1)
            cut = space if space > 0 and line[:space].strip() else end
            yield line[:cut].rstrip()
            line = line[cut:].lstrip()
        yield line


def without_surrogates(text: str) -> str:
    """Return `text` so that it can be written as UTF-8: half characters become replacement characters."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _harmless(character: str) -> str:
    if character.isspace():
        return " "
    if character.isprintable() or character in _JOINERS:
        # Variation selectors make some terminals draw a character twice as wide as it was counted.
        return "" if "\ufe00" <= character <= "\ufe0f" else character
    return "" if unicodedata.category(character) == "Cf" else "\ufffd"


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
