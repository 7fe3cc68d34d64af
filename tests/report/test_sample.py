from __future__ import annotations

import pytest

from nemo_sdg.report.sample import MOST_BYTES, shown_row, shown_rows

EVIL = "<script>\"'&" * 1000


def test_short_and_long_values():
    """The row's number is its title, short values stand in a line, long ones below each other."""
    row = shown_row({"row_id": 7, "language": "Greek", "text": "x" * 50, "code": "a\nb"})
    assert (row.title, row.short) == ("Row 7", [("language", "Greek")])
    assert [name for name, _ in row.long] == ["text", "code"]


def test_rows_are_spread_over_all():
    """Of many rows some of all parts are shown, in their order."""
    rows = shown_rows([{"row_id": number} for number in range(10_000)])
    assert len(rows) == 200
    assert [rows[0].title, rows[1].title, rows[-1].title] == ["Row 0", "Row 50", "Row 9950"]


@pytest.mark.parametrize("text", ["x" * 100_000, EVIL, "字" * 100_000])
def test_size_is_bounded(text):
    """However long values are, whatever markup makes of them, the page stays small."""
    rows = shown_rows([{"row_id": number, "a": text, "b": text} for number in range(300)])
    assert 100 <= len(rows) <= 200
    size = sum(len(made.text.encode()) for row in rows for _, made in row.long)
    assert size <= MOST_BYTES


def test_many_columns():
    """Of hundreds of columns some are shown, with how many there are more; fewer rows fit."""
    rows = shown_rows([{f"column{number}": "y" * 200 for number in range(500)}] * 300)
    assert 0 < len(rows) < 200
    assert (len(rows[0].long), rows[0].more) == (40, 460)


def test_no_rows():
    """Of no rows none are shown."""
    assert shown_rows([]) == []
