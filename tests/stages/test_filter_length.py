"""Keeping rows by length."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.filter_length import LengthFilter


def _kept(texts, **bounds):
    return (
        LengthFilter(**bounds).process(pa.table({"text": pa.array(texts, pa.string())}))["text"].to_pylist()
    )


def test_characters():
    """Bounds are inclusive and count code points; null is dropped."""
    assert _kept(["", "é", "日本", "abc", "abcd", None], min_chars=1, max_chars=3) == ["é", "日本", "abc"]


def test_words():
    """Words are what white space of any script parts; an empty text has none."""
    texts = ["", " \n", "one", " two\twords ", "a\u3000b\u00a0c", None]

    assert _kept(texts, min_words=1, max_words=2) == ["one", " two\twords "]
    assert _kept(texts, min_words=3) == ["a\u3000b\u00a0c"]
    assert _kept(texts, max_words=0) == ["", " \n"]


@settings(derandomize=True)
@given(st.lists(st.text(alphabet="ab \t\n\u00a0\u3000\u2003é日")), st.integers(0, 3), st.integers(3, 9))
def test_same_as_python(texts, least, most):
    """Kept are exactly the texts that Python counts within the bounds."""
    expected = [text for text in texts if least <= len(text.split()) <= most and len(text) <= 2 * most]

    assert _kept(texts, min_words=least, max_words=most, max_chars=2 * most) == expected


@pytest.mark.parametrize(
    ("bounds", "complaint"),
    [
        ({}, "no bound given"),
        ({"min_chars": -1}, "min_chars is -1"),
        ({"max_words": 2.5}, "max_words is 2.5"),
        ({"min_chars": True}, "min_chars is True"),
        ({"min_words": 5, "max_words": 4}, r"min_words \(5\) is more than max_words \(4\)"),
    ],
)
def test_refused_bounds(bounds, complaint):
    """Bounds that cannot be used are refused by name."""
    with pytest.raises(ConfigError, match=complaint):
        LengthFilter(**bounds)
