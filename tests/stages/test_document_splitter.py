"""Rows of documents to rows of segments."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.document_splitter import DocumentSplitter

_DOCUMENTS = pa.table(
    {"row_id": [3, 4, 5, 6], "text": ["a\nb\n\nc", None, "", "d"], "url": ["u3", "u4", "u5", "u6"]}
)


def test_rows_of_a_document_follow_each_other():
    """Each segment is a row with its document's other columns, its number, and how many there are."""
    made = DocumentSplitter().process(_DOCUMENTS)

    assert made.column_names == ["row_id", "text", "url", "segment", "segments"]
    assert list(zip(*(made[name].to_pylist() for name in made.column_names), strict=True)) == [
        (3, "a", "u3", 0, 4),
        (3, "b", "u3", 1, 4),
        (3, "", "u3", 2, 4),
        (3, "c", "u3", 3, 4),
        (5, "", "u5", 0, 1),
        (6, "d", "u6", 0, 1),
    ]


def test_small_segments_do_not_count():
    """With min_tokens, smaller segments are left out before segments are numbered."""
    made = DocumentSplitter(min_tokens=1).process(_DOCUMENTS)

    assert made["segment"].to_pylist() == [0, 1, 2, 0]
    assert made["segments"].to_pylist() == [3, 3, 3, 1]


def test_another_column():
    """Segments go to the column named; that of the document goes, lest each segment carry all of it."""
    made = DocumentSplitter(output="source_text", max_tokens=40).process(_DOCUMENTS)

    assert made.column_names == ["row_id", "url", "source_text", "segment", "segments"]
    assert made["source_text"].to_pylist() == ["a\nb\n\nc", "", "d"]


def test_an_over_long_line_is_not_lost():
    """A line of a thousand words becomes segments under the limit, where others would drop it."""
    line = " ".join(f"word{number}." for number in range(1000))
    batch = pa.table({"row_id": [0], "text": [f"first\n{line}\nlast"]})
    made = DocumentSplitter(max_tokens=100).process(batch)["text"].to_pylist()

    assert (
        "".join(made).split() == f"first{line}last".split()
        or " ".join(made).split() == f"first {line} last".split()
    )
    assert len(made) > 10
    assert DocumentSplitter(max_tokens=100, too_long="drop").process(batch)["text"].to_pylist() == [
        "first",
        "last",
    ]


def test_no_rows():
    """A batch without rows gets the columns."""
    made = DocumentSplitter().process(_DOCUMENTS.slice(0, 0))

    assert made.num_rows == 0
    assert made.schema.field("segment").type == pa.int32()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"separator": ""}, "separator is ''"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"min_tokens": -1}, "min_tokens is -1"),
        ({"min_tokens": 9, "max_tokens": 3}, "no segment is kept"),
        ({"too_long": "cut"}, "give one of split, drop"),
        ({"output": "row_id"}, "belongs to the engine"),
        ({"tokenizer": 1}, "tokenizer is 1"),
    ],
)
def test_refused(arguments, message):
    """Arguments of no use are refused with what is allowed."""
    with pytest.raises(ConfigError, match=message):
        DocumentSplitter(**arguments)
