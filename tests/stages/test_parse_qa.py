"""The stage that parses questions and answers."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.phrases import make_pair, phrases
from nemo_sdg.stages.parse_qa import ParseQuestionAnswer
from nemo_sdg.stages.rows import split_rejected


def _batch(*texts):
    return pa.table({"row_id": range(len(texts)), "text": pa.array(texts, pa.string())})


def test_columns():
    """The text loses every asterisk; question and answer are columns of their own."""
    made = ParseQuestionAnswer().process(_batch("[EN] **Question:** What is 2*3?\n**Answer:** 6"))

    assert made.to_pylist() == [
        {
            "row_id": 0,
            "text": "[EN] Question: What is 23?\nAnswer: 6",
            "question": "What is 2*3?",
            "answer": "6",
        }
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("I'd rather not.", "expected a question and its answer, labelled"),
        ("Question: What?", "expected an answer, labelled"),
        ("Answer: That.", "expected a question, labelled"),
        (None, "the text is null"),
    ],
)
def test_required(text, complaint):
    """A row that lacks something is rejected with what is missing and how the text begins."""
    made, [rejection] = split_rejected(ParseQuestionAnswer().process(_batch(text)))

    assert made.num_rows == 0
    assert rejection.error == "ParseError"
    assert complaint in rejection.message
    assert rejection.answer == text
    if text:
        assert text in rejection.message


def test_not_required():
    """Without required, what is not found is null and no row is rejected."""
    made = ParseQuestionAnswer(required=False).process(_batch("no*thing", "Q: x A: y", None))

    assert made.drop_columns(["row_id"]).to_pylist() == [
        {"text": "nothing", "question": None, "answer": None},
        {"text": "Q: x A: y", "question": "x", "answer": "y"},
        {"text": None, "question": None, "answer": None},
    ]


def test_simulated_answers():
    """All that the simulated model writes, in each of its languages and forms, is parsed exactly."""
    texts, expected = [], []
    for language in phrases().languages:
        for number in range(0, 4000, 97):
            pair = make_pair(language, number)
            texts += [
                f"Question: {pair.question}\nAnswer: {pair.answer}",
                f"[{language.code}] **Question:** {pair.question}\n\n**Answer:** {pair.answer}",
            ]
            expected += [pair, pair]
    made, rejections = split_rejected(ParseQuestionAnswer().process(_batch(*texts)))

    assert rejections == []
    assert list(zip(made["question"].to_pylist(), made["answer"].to_pylist(), strict=True)) == expected


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.none() | st.text(), max_size=4))
def test_only_parse_errors(texts):
    """Whatever the texts, each row is parsed or rejected with a ParseError."""
    made, rejections = split_rejected(ParseQuestionAnswer().process(_batch(*texts)))

    assert made.num_rows + len(rejections) == len(texts)
    assert {rejection.error for rejection in rejections} <= {"ParseError"}


def test_refused_argument():
    """A value that is neither true nor false is refused."""
    with pytest.raises(ConfigError, match="required is 'yes'"):
        ParseQuestionAnswer("yes")
