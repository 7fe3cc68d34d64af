from __future__ import annotations

import pytest

from nemo_sdg.report.text_columns import lengths, main_column, text_of

LONG = "a text of some length, as models write it"


def test_which_columns_hold_texts():
    """Columns of longer texts count, lists of texts too; names and marks do not, however long."""
    rows = [
        {"text": LONG, "several": [LONG, LONG], "language": LONG, "judge_model": LONG, "n": 3, "none": None},
        {"text": None, "label": "good", "nested": {"text": LONG}, "numbers": [1, 2]},
    ]
    assert lengths(rows) == {"text": [len(LONG)], "several": [2 * len(LONG) + 2]}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"text": [9], "answer": [99]}, "text"),
        ({"judge_text": [9], "answer": [99]}, "judge_text"),
        ({"question": [9], "answer": [99]}, "answer"),
        ({}, None),
    ],
)
def test_the_main_one(sizes, expected):
    """The column of answers is looked at, else the one with the most text."""
    assert main_column(sizes) == expected


def test_what_is_no_text():
    """Numbers, bytes, empty and mixed lists have no text."""
    assert [text_of(value) for value in (1, b"x", [], ["a", 1], None, {"a": "b"})] == [None] * 6
