"""Finding all pairs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.simulator.phrases import make_pair, phrases
from nemo_sdg.stages.qa_pairs import find_pairs

_TWO = [("Is it cold?", "Yes."), ("Why?", "It is winter.")]


_FORMS = {
    "plain": "Question: {}\nAnswer: {}\n\nQuestion: {}\nAnswer: {}",
    "bullets": "Here are the pairs:\n- Question: {} Answer: {}\n- Question: {} Answer: {}",
    "numbers": "1. **Question:** {}\n   **Answer:** {}\n2. **Question:** {}\n   **Answer:** {}",
    "rules": "**Question 1:** {}\n\n**Answer 1:** {}\n\n---\n\n**Question 2:** {}\n\n**Answer 2:** {}",
    "letters": "Q: {}\nA: {}\nQ: {}\nA: {}",
    "numbered letters": "Q1. {}\nA1. {}\nQ2. {}\nA2. {}",
    "headings": "### Question 1\n{}\n### Answer\n{}\n\n### Question 2\n{}\n### Answer\n{}",
    "parts": (
        "### Yes or no\n\nQuestion: {}\nAnswer: {}\n\n**Open**\n\nQuestion: {}\nAnswer: {}\n\nThere you are!"
    ),
    "reasoning": "<think>Question: x\nAnswer: y</think>Question: {}\nAnswer: {}\n\nQuestion: {}\nAnswer: {}",
    "unanswered": "Question: {}\nAnswer: {}\n\nQuestion: No?\n\nQuestion: {}\nAnswer: {}",
    "twice": "Question: {0}\nAnswer: {1}\n\nQuestion: {0}\nAnswer: {1}\nQuestion: {2}\nAnswer: {3}",
}
_TEXTS = {name: form.format(*_TWO[0], *_TWO[1]) for name, form in _FORMS.items()}
_JSON = json.dumps([{"Question": question, "answer": answer} for question, answer in _TWO])
_TEXTS.update({"json": _JSON, "fenced json": f"Here:\n```json\n{_JSON}\n```"})


@pytest.mark.parametrize("text", _TEXTS.values(), ids=_TEXTS)
def test_forms(text):
    """Bullets, numbers, markdown, letters, headings, remarks, a missing answer or JSON make no difference."""
    assert find_pairs(text) == _TWO


def test_choices_are_part_of_the_question():
    """Choices named by letters belong to the question, not taken for an answer."""
    [pair] = find_pairs("Question: Which is cold?\nA: fire\nB: ice\nAnswer: B: ice")

    assert pair == ("Which is cold?\nA: fire\nB: ice", "B: ice")


def test_malformed_pairs_cost_themselves_only():
    """Of a list of which one pair is broken, the others are kept."""
    text = "Question: a?\nAnswer: b.\n\nQuestion: c?\n\nAnswer:\n\nQuestion: d?\nAnswer: e."

    assert find_pairs(text) == [("a?", "b."), ("d?", "e.")]


@pytest.mark.parametrize(
    "text", ["", "I cannot.", "Answer: yes", "Question:\nAnswer: x", "{", "[1, 2]", '[{"a": 1}]']
)
def test_nothing(text):
    """Without a whole pair there is none."""
    assert find_pairs(text) == []


def test_all_languages():
    """Pairs in every language that the simulated model writes are found, in their order."""
    for language in phrases().languages:
        pairs = list(dict.fromkeys(make_pair(language, number) for number in range(0, 3000, 301)))
        text = "\n\n".join(f"Question: {pair.question}\nAnswer: {pair.answer}" for pair in pairs)
        assert find_pairs(text) == pairs


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text("QuestionAnswer:123.*-# \n{[]}", max_size=200))
def test_any_text(text):
    """Whatever the text, pairs are whole."""
    assert all(pair.question and pair.answer for pair in find_pairs(text))
