"""Lists as models write them."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.knowledge_list import KnowledgeListCleaner, list_items
from nemo_sdg.stages.rows import split_rejected


@pytest.mark.parametrize(
    "text",
    [
        "- Salt was dear.\n- Fish was cheap.",
        "Here are the facts:\n\n- Salt was dear.\n- Fish was cheap.",
        "* Salt was dear.\n\n* Fish was cheap.\n\nLet me know if you want more!",
        "1. Salt was dear.\n2) Fish was cheap.",
        "• Salt was dear.\n  ◦ Fish was cheap.",
        "- Salt was\n  dear.\n- Fish was cheap.",
        "Facts\n- Salt was dear.\n    - Fish was cheap.\n- ",
        "Salt was dear.\n\nFish was cheap.",
        "(1) Salt was dear.\n(2) Fish was cheap.",
    ],
)
def test_forms(text):
    """Bullets, numbers, nesting, broken lines and remarks around the list make no difference."""
    assert list_items(text) == ["Salt was dear.", "Fish was cheap."]


def test_numbers_and_dashes_in_items_stay():
    """What only looks like a bullet is text."""
    items = [
        "1969 saw the landing.",
        "3.5 litres fit in.",
        "-40 degrees is cold on both scales.",
        "10-15 are left.",
    ]

    assert list_items("\n".join(f"- {item}" for item in items)) == items
    assert list_items("\n".join(items)) == items


def test_chinese_numbers():
    """Bullets may stand without a space where the script has none."""
    assert list_items("1、盐很贵。\n2、鱼很便宜。\n•也不远。") == ["盐很贵。", "鱼很便宜。", "也不远。"]


def test_stage():
    """Items are lines; a text without any is rejected."""
    made, [rejection] = split_rejected(
        KnowledgeListCleaner().process(pa.table({"row_id": [0, 1], "text": ["- a\n- b", "- \n"]}))
    )

    assert made["text"].to_pylist() == ["a\nb"]
    assert rejection.error == "ParseError"


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.text("abc ,", min_size=1).map(str.strip).filter(bool), min_size=1))
def test_items_come_back(items):
    """What is written as a list is read as that list."""
    assert list_items("\n".join(f"- {item}" for item in items)) == items
