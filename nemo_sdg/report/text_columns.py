"""Which columns of rows hold texts, and which of them is the one that matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LEAST_MEAN = 24
"""Characters; columns of shorter values are names and marks, such as languages and models."""
_MARKS = ("finish_reason", "language", "model", "row_id", "status")
"""Ends of the names of columns that hold no texts, however long their values are."""
_MAIN = "text"


def text_of(value: Any) -> str | None:
    """Return the text in a value: itself, or the texts of a list one after another; None: there is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, str) for item in value):
        return "\n\n".join(value)
    return None


def lengths(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Return the characters of each text, by column, for the columns that hold texts."""
    found: dict[str, list[int]] = {}
    for row in rows:
        for name, value in row.items():
            text = None if name.endswith(_MARKS) else text_of(value)
            if text is not None:
                found.setdefault(name, []).append(len(text))
    return {name: sizes for name, sizes in found.items() if sum(sizes) >= _LEAST_MEAN * len(sizes)}


def main_column(sizes: Mapping[str, Sequence[int]]) -> str | None:
    """Return the column to look for duplicates and languages in, of those that `lengths` returns.

    It is "text", where answers go, else one whose name ends so, else the one with the most text.
    """
    named = [name for name in sizes if name.endswith(_MAIN)]
    if _MAIN in named:
        return _MAIN
    return max(named or sizes, key=lambda name: sum(sizes[name]), default=None)
