"""Rows of segments to rows of documents."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.document_joiner import DocumentJoiner
from nemo_sdg.stages.document_splitter import DocumentSplitter


def _segments(*rows):
    names = ("row_id", "segment", "segments", "text", "tokens")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


_TWO = _segments((7, 0, 2, "a", 1), (7, 1, 2, "b", 2), (9, 2, 3, "z", 5), (9, 0, 3, "x", None))


def test_one_row_a_document():
    """Texts are joined in their order, numbers added up; what is missing shows in segments_kept."""
    made = DocumentJoiner(sums=["tokens"]).process(_TWO)

    assert made.to_pylist() == [
        {"row_id": 7, "segments": 2, "text": "a\nb", "tokens": 3, "segments_kept": 2},
        {"row_id": 9, "segments": 3, "text": "x\nz", "tokens": 5, "segments_kept": 2},
    ]


def test_drop_incomplete():
    """Documents that lack a segment can be left out."""
    assert DocumentJoiner(incomplete="drop").process(_TWO)["row_id"].to_pylist() == [7]


def test_choices_are_documents_of_their_own():
    """With `by`, the first answers to all segments are one text, the second ones another."""
    batch = pa.table(
        {
            "row_id": [1, 1, 1, 1],
            "segment": [0, 0, 1, 1],
            "segments": [2] * 4,
            "choice": [0, 1, 0, 1],
            "text": ["a0", "a1", "b0", "b1"],
        }
    )

    made = DocumentJoiner(by=["row_id", "choice"], separator=" ").process(batch)
    assert made["text"].to_pylist() == ["a0 b0", "a1 b1"]


def test_nulls():
    """Null texts are nothing; a document of them is null."""
    batch = _segments((1, 0, 2, None, None), (1, 1, 2, "b", 1), (2, 0, 1, None, None))

    made = DocumentJoiner(sums=["tokens"]).process(batch)
    assert (made["text"].to_pylist(), made["tokens"].to_pylist()) == (["b", None], [1, None])


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.text("ab \n", max_size=30), max_size=6), st.integers(0, 1000))
def test_what_was_split_is_joined(texts, seed):
    """Splitting and joining gives the documents back to the character, whatever the order of segments."""
    documents = pa.table(
        {"row_id": pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, pa.string())}
    )
    segments = DocumentSplitter().process(documents)
    order = list(range(segments.num_rows))
    random.Random(seed).shuffle(order)

    made = DocumentJoiner().process(segments.take(pa.array(order, pa.int64()))).sort_by("row_id")

    assert made["text"].to_pylist() == texts
    assert made["segments_kept"].to_pylist() == made["segments"].to_pylist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": []}, "columns is empty"),
        ({"columns": "text"}, "give a list of column names"),
        ({"by": ["choice"]}, "give 'row_id' among"),
        ({"separator": None}, "separator is None"),
        ({"incomplete": "reject"}, "give one of keep, drop"),
    ],
)
def test_refused(arguments, message):
    """Arguments of no use are refused with what is allowed."""
    with pytest.raises(ConfigError, match=message):
        DocumentJoiner(**arguments)


def test_no_segments():
    """Rows that no splitter made are an error that names the column."""
    with pytest.raises(MissingColumnError, match="'segment'"):
        DocumentJoiner().process(pa.table({"row_id": [1], "text": ["a"]}))
