"""Keeping rows by their tokens."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.filter_tokens import TokenCountFilter

_TEXTS = ["", "word", "several words in a row", "many " * 100, None]


def kept(**bounds):
    """Return the texts that stay."""
    return TokenCountFilter(**bounds).process(pa.table({"text": _TEXTS}))["text"].to_pylist()


def test_bounds():
    """Texts within the bounds stay, in their order; null never does."""
    assert kept(min_tokens=1) == _TEXTS[1:4]
    assert kept(max_tokens=20) == _TEXTS[:3]
    assert kept(min_tokens=2, max_tokens=20) == [_TEXTS[2]]
    assert kept(min_tokens=0) == _TEXTS[:4]


def test_no_rows():
    """A batch without rows stays one, with its columns."""
    empty = pa.table({"text": pa.array([], pa.string())})

    assert TokenCountFilter(min_tokens=1).process(empty).schema == empty.schema


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({}, "no bound given"),
        ({"min_tokens": -1}, "min_tokens is -1"),
        ({"max_tokens": 2.5}, "max_tokens is 2.5"),
        ({"min_tokens": True}, "min_tokens is True"),
        ({"min_tokens": 3, "max_tokens": 2}, "no text is kept"),
        ({"min_tokens": 3, "tokenizer": 3}, "tokenizer is 3"),
    ],
)
def test_refused(bounds, message):
    """Bounds of no use are refused with what is allowed."""
    with pytest.raises(ConfigError, match=message):
        TokenCountFilter(**bounds)


def test_no_column():
    """A column that is not there is named."""
    with pytest.raises(MissingColumnError, match="needs the column 'body'"):
        TokenCountFilter(column="body", min_tokens=1).process(pa.table({"text": ["a"]}))
