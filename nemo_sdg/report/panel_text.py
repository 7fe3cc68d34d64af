"""The lines of the live panel, for a terminal of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from nemo_sdg.report.panel_facts import panel_facts
from nemo_sdg.report.text import crop

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunTitle, Snapshot
    from nemo_sdg.report.panel_facts import Row
    from nemo_sdg.report.rates import Rates

_LABEL = 10
"""Columns of what stands before each line."""
_BAR = 40
_LEAST_BAR = 8
_SHARE = 10
"""Columns of a share in brackets, with the space before it."""
_UNICODE_BAR, _PLAIN_BAR = ("█", "░"), ("#", ".")


def panel_lines(
    title: RunTitle,
    snapshot: Snapshot | None,
    rates: Rates,
    width: int,
    height: int | None = None,
    *,
    unicode: bool = True,
) -> list[Text]:
    """Return the lines of the panel, none wider than `width` columns, and at most `height` of them.

    There is no frame at the sides: text that runs from right to left, or that a terminal draws wider than it
    should be, has nothing to break. Nothing in a row is read as markup. `unicode` says whether the terminal
    can show block characters.
    """
    width = max(width, _LABEL + 10)
    room = width - _LABEL - 1  # a column is left free: a cursor in the last one makes some terminals wrap
    rows = panel_facts(title, snapshot, rates, room)
    framed = height is None or len(rows) + 2 <= height
    lines = [_line(row, room, unicode=unicode) for row in _most_important(rows, height)]
    rule = Text(("─" if unicode else "-") * (width - 1), style="dim")
    return [rule, *lines, rule] if framed else lines


def _most_important(rows: list[Row], most: int | None) -> list[Row]:
    kept = list(rows)
    while most is not None and len(kept) > max(1, most):
        least = max(range(len(kept)), key=lambda position: (kept[position].rank, position))
        del kept[least]
    return kept


def _line(row: Row, room: int, *, unicode: bool) -> Text:
    text = row.text if unicode else row.text.replace("—", "-")
    if row.label is None:
        return Text(crop(text, room + _LABEL), row.style)
    if row.part is not None:
        text = _bar(*row.part, room, _UNICODE_BAR if unicode else _PLAIN_BAR) + text
    return Text.assemble((f"{row.label:<{_LABEL}}", "dim"), (crop(text, room), row.style))


def _bar(done: int, total: int, room: int, blocks: tuple[str, str]) -> str:
    """Return a bar and a space, "" where it would be too short to read.

    It is as wide for the first row as for the last: one that shrinks while it fills would be hard to read.
    """
    size = min(_BAR, room - 1 - len(f"{total:,} of {total:,} rows") - _SHARE)
    full = min(size, size * done // total)
    return blocks[0] * full + blocks[1] * (size - full) + " " if size >= _LEAST_BAR else ""
