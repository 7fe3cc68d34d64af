"""Texts with questions behind them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.append_pairs import AppendPairs
from nemo_sdg.stages.rows import split_rejected

_PAIRS = [f"Question: q{number}?\nAnswer: a{number}." for number in range(8)]
_ANSWER = "\n\n".join(_PAIRS)
_LONG = "word " * 200
_SHORT = "A short text."


def made(rows=1, *, answer=_ANSWER, source=_LONG, **arguments):
    """Return the texts and numbers of pairs for as many equal rows."""
    batch = pa.table({"row_id": range(rows), "source_text": [source] * rows, "text": [answer] * rows})
    done = AppendPairs(**arguments).process(batch)
    return list(zip(done["text"].to_pylist(), done["pairs"].to_pylist(), strict=True))


def test_text_and_pairs():
    """The text comes first, then pairs of the answer, each once, as many as `pairs` says."""
    for text, number in made(50):
        source, *pairs = text.split("\n\n")
        assert source == _LONG.strip()
        assert len(pairs) == len(set(pairs)) == number >= 1
        assert set(pairs) <= set(_PAIRS)


def test_drawn_anew_for_each_row_and_the_same_in_each_run():
    """Rows differ, runs do not, another seed does; segments of one document differ."""
    assert made(50) == made(50)
    assert made(50) != made(50, seed=1)
    assert len({text for text, _ in made(50)}) > 25
    segments = pa.table(
        {"row_id": [1, 1], "segment": [0, 1], "source_text": [_LONG] * 2, "text": [_ANSWER] * 2}
    )
    first, second = AppendPairs().process(segments)["text"].to_pylist()
    assert first != second


def test_the_order_of_rows_does_not_matter():
    """A row draws the same pairs alone as among others."""
    alone = AppendPairs().process(pa.table({"row_id": [33], "source_text": [_LONG], "text": [_ANSWER]}))

    assert alone["text"].to_pylist()[0] == made(50)[33][0]


def test_longer_texts_may_have_more():
    """A short text gets one pair; a long one up to as many as there are."""
    assert {number for _, number in made(60, source=_SHORT)} == {1}
    assert {number for _, number in made(200, source=_LONG)} >= {1, 4, 8}
    assert {number for _, number in made(60, source=_LONG, max_pairs=1)} <= {1, 2}


def test_a_cut_off_answer_loses_its_last_pair_only():
    """Of an answer that reached max_tokens the whole pairs are used."""
    batch = {"row_id": [0, 1], "source_text": [_SHORT] * 2, "finish_reason": ["length"] * 2}
    texts = [
        "Question: a?\nAnswer: b.\n\nQuestion: c?\nAnswer: half of an",
        "Question: c?\nAnswer: half of an",
    ]
    done, [rejection] = split_rejected(AppendPairs().process(pa.table({**batch, "text": texts})))

    assert done["text"].to_pylist() == [f"{_SHORT}\n\nQuestion: a?\nAnswer: b."]
    assert rejection.row_id == 1


@pytest.mark.parametrize("answer", ["I cannot help.", "", None])
def test_rejected(answer):
    """A row without a pair is rejected, rather than kept with an empty text."""
    batch = pa.table({"row_id": [0], "source_text": [_SHORT], "text": pa.array([answer], pa.string())})
    done, [rejection] = split_rejected(AppendPairs().process(batch))

    assert done.num_rows == 0
    assert rejection.error == "ParseError"


@pytest.mark.parametrize(
    "arguments",
    [{"max_pairs": 0}, {"seed": "0"}, {"column": "x", "source": "x"}, {"tokenizer": 1}, {"max_pairs": True}],
)
def test_refused(arguments):
    """Arguments of no use are refused."""
    with pytest.raises(ConfigError, match=r"max_pairs|seed|two columns|tokenizer"):
        AppendPairs(**arguments)


def test_no_source():
    """A column that is not there is named."""
    with pytest.raises(MissingColumnError, match="source_text"):
        AppendPairs().process(pa.table({"text": ["x"]}))
