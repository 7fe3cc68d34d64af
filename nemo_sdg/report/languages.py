"""Which languages were asked for, and which came."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_ASKED = 24
_MOST_DETECTED = 12
NONE = "none"
"""Where a text has no words of any language."""
_OTHERS = "others"


class Found(NamedTuple):
    """The languages of one row."""

    asked: str | None
    """None: no column says."""
    detected: str | None
    """None: the text has no words of any language."""
    right: bool | None
    """Whether that is the language asked for; None: nobody knows."""


class AskedFor(NamedTuple):
    """One line of the matrix."""

    language: str
    rows: int
    right: int | None
    """Rows that are in that language; None: it is one that cannot be detected."""
    cells: list[tuple[int, float, bool]]
    """For each detected language the rows, their share of the line in %, and whether that is right."""


class Languages(NamedTuple):
    """The matrix of languages, over the rows that were looked at."""

    column: str
    rows: int
    right: int | None
    """Rows in the language asked for; None: no row says which that is."""
    judged: int
    """Rows of which it is known whether they are right."""
    detected: list[str]
    """The columns of the matrix."""
    lines: list[AskedFor]
    """Empty where no language was asked for."""
    totals: list[tuple[str, int]]
    """Rows by detected language."""
    among: int | None
    """Languages that texts were told from; None: as many as can be, or whatever a stage did."""
    left_out: int
    """Languages asked for that have no line, because there are too many."""


def languages(column: str, found: Iterable[Found], among: Sequence[str] | None = None) -> Languages:
    """Return the matrix of `found`, the languages of rows' texts in `column`, told from those in `among`."""
    pairs: Counter[tuple[str | None, str]] = Counter()
    rights: set[tuple[str | None, str]] = set()
    judged: Counter[str | None] = Counter()
    right: Counter[str | None] = Counter()
    for asked, detected, is_right in found:
        pair = (asked, detected or NONE)
        pairs[pair] += 1
        if is_right is not None:
            judged[asked] += 1
            right[asked] += is_right
            if is_right:
                rights.add(pair)
    totals = Counter[str]()
    asked_for = Counter[str]()
    for (asked, detected), rows in pairs.items():
        totals[detected] += rows
        if asked is not None:
            asked_for[asked] += rows
    names = sorted(name for name, _ in asked_for.most_common(_MOST_ASKED))
    # Columns stand in the order of lines, so that what is right lies on the diagonal.
    own = [detected for asked in names for a, detected in sorted(rights, key=str) if a == asked]
    columns = list(dict.fromkeys(own))
    strays = [name for name, _ in totals.most_common() if name not in columns]
    shown = columns + strays[:_MOST_DETECTED]
    rest = strays[_MOST_DETECTED:]
    lines = []
    for asked in names:
        whole = asked_for[asked]
        numbers = [pairs[asked, name] for name in shown]
        marks = [(asked, name) in rights for name in shown]
        if rest:
            numbers.append(sum(pairs[asked, name] for name in rest))
            marks.append(False)
        cells = [
            (rows, round(100 * rows / whole, 1), mark) for rows, mark in zip(numbers, marks, strict=True)
        ]
        lines.append(AskedFor(asked, whole, right[asked] if judged[asked] else None, cells))
    return Languages(
        column,
        rows=sum(totals.values()),
        right=sum(right.values()) if judged else None,
        judged=sum(judged.values()),
        detected=shown + ([_OTHERS] if rest else []),
        lines=lines,
        totals=totals.most_common(),
        among=len(among) if among else None,
        left_out=len(asked_for) - len(names),
    )
