"""Rows to look through on the page: some of all, each with its values made harmless and short enough."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.report.cells import Cell, cell, shorter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_ROWS = 200
MOST_BYTES = 1_200_000
"""Of all rows in the page, about."""
_MOST_COLUMNS = 40
_LENGTHS = (4_000, 2_000, 1_000, 500, 200)
"""Characters of a value: the most that fit."""
_SHORT = 40
_MARKUP = 150
"""Bytes around a value, about."""


class ShownRow(NamedTuple):
    """A row on the page."""

    title: str
    short: list[tuple[str, str]]
    """Columns with values of a few characters."""
    long: list[tuple[str, Cell]]
    more: int
    """Columns that are not shown."""


def shown_rows(rows: Sequence[Mapping[str, Any]]) -> list[ShownRow]:
    """Return at most `MOST_ROWS` of `rows`, evenly spread, of at most about `MOST_BYTES`."""
    number = min(len(rows), MOST_ROWS)
    chosen = [rows[place * len(rows) // number] for place in range(number)]
    made = [shown_row(row) for row in chosen]
    for most in _LENGTHS:
        made = [row._replace(long=[(name, shorter(it, most)) for name, it in row.long]) for row in made]
        sizes = [_size(row) for row in made]
        if sum(sizes) <= MOST_BYTES:
            return made
    kept, room = [], MOST_BYTES
    for row, size in zip(made, sizes, strict=True):
        room -= size
        if room < 0:
            break
        kept.append(row)
    return kept


def shown_row(row: Mapping[str, Any]) -> ShownRow:
    """Return `row` with the beginnings of its values."""
    short, long = [], []
    columns = [(name, value) for name, value in row.items() if name != "row_id"]
    for name, value in columns[:_MOST_COLUMNS]:
        made = cell(value, _LENGTHS[0])
        label = cell(str(name), 200).text
        if len(made.text) <= _SHORT and "\n" not in made.text:
            short.append((label, made.text))
        else:
            long.append((label, made))
    title = f"Row {cell(row['row_id'], 40).text}" if "row_id" in row else "Row"
    return ShownRow(title, short, long, max(0, len(columns) - _MOST_COLUMNS))


def _size(row: ShownRow) -> int:
    values: Iterable[str] = [
        *(text for pair in row.short for text in pair),
        *(text for name, made in row.long for text in (name, made.text, made.preview)),
    ]
    texts = list(values)
    return sum(len(escape(text).encode()) for text in texts) + _MARKUP * (len(texts) + 1)
