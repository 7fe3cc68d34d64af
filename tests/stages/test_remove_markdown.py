"""Removing markdown."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.remove_markdown import MarkdownRemover, without_markdown


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("**Bold** and *italic* and ***both***", "Bold and italic and both"),
        ("__Bold__ and _italic_ words", "Bold and italic words"),
        ("## A heading ##\nText", "A heading\nText"),
        ('See [the page](https://a.b/c_(d) "t") and ![a picture](x.png).', "See the page and a picture."),
        ("Use `print` and ``a b``.", "Use print and a b."),
        ("```python\nx = 1\n```", "x = 1"),
        ("> quoted\n> lines", "quoted\nlines"),
        ("One\n\n---\n\nTwo\n* * *\nThree", "One\n\nTwo\nThree"),
        ("~~no~~ yes", "no yes"),
        ("这是**重点**内容", "这是重点内容"),
        ("\\*not marked\\*", "*not marked*"),
        ("**Label:** value", "Label: value"),
        ("**a** b **c**", "a b c"),
    ],
)
def test_marks_go(text, clean):
    """Marks of markdown go, what they mark stays."""
    assert without_markdown(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "2*3*4 is 24, and 2 * 3 is 6",
        "snake_case_name and __init__.py",
        "- an item\n* another\n1. a third",
        "a < b > c",
        "C# and F# and #1",
        "[1] and (2)",
        "x ** 2 ** 3",
        "A line - with - dashes",
    ],
)
def test_what_is_no_markdown_stays(text):
    """Stars, underscores, brackets and dashes that mark nothing stay, and so do lists."""
    assert without_markdown(text) == text


def test_stage():
    """The stage does so in a column."""
    made = MarkdownRemover().process(pa.table({"text": ["**a**", None]}))

    assert made["text"].to_pylist() == ["a", None]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.text("ab*_`#[]()>-~ \n\\", max_size=80))
def test_letters_stay(text):
    """Whatever the marks, words outside of links and fences are all there, and cleaning ends."""
    if "](" not in text and "```" not in text and "~~~" not in text:
        letters = [character for character in without_markdown(text) if character in "ab"]
        assert letters == [character for character in text if character in "ab"]


def test_many_marks_take_no_time():
    """Texts of many marks that never close are done at once."""
    for mark in ("*", "_", "**", "`", "[", "~~", "> ", "*a "):
        without_markdown(mark * 3_000)
