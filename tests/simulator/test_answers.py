from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.simulator.answers import answer, count_tokens, cut_tokens, wish_of


def said(user, instructions="", key=b"1"):
    """Return what the model says to a prompt."""
    return answer(wish_of(instructions, user), key)


def test_plain_prompts_get_bold_markers():
    """Without further wishes the answer looks as chat models like to write."""
    assert re.fullmatch(r"\*\*Question:\*\* .+\n\n\*\*Answer:\*\* .+", said("Ask something in Spanish"))


@pytest.mark.parametrize("place", ["user", "instructions"])
def test_labels_on_demand(place):
    """A prompt that shows the labels, wherever it does, gets exactly them."""
    labels = "Format:\nQuestion: ...\nAnswer: ..."
    text = said(f"In Greek. {labels}") if place == "user" else said("In Greek.", labels)

    assert re.fullmatch(r"Question: [^\n]+\nAnswer: [^\n]+", text)


def test_json_on_demand():
    """The word JSON gets an object with question, answer and language; part of a word does not."""
    record = json.loads(said("Give me JSON in Korean"))

    assert set(record) == {"question", "answer", "language"}
    assert record["language"] == "Korean"
    assert said("Explain BJSONB").startswith("**")


@pytest.mark.parametrize("wish", ['Begin with "[EN]" or the like', "Begin with the language code"])
def test_language_codes_on_demand(wish):
    """A prompt that shows a bracketed code, or names it, gets the code of the right language."""
    assert said(f"{wish}, in Polish").startswith("[PL] **Question:**")


def test_other_brackets_are_no_codes():
    """Brackets around something else do not ask for a code."""
    assert said("See [1], [EU27] and [ab]").startswith("**")


def test_long_prompts_are_read_as_short_ones_are():
    """A prompt too long to be remembered is understood the same."""
    assert wish_of("", "Question: Answer: in Dutch" + " " * 5_000) == wish_of(
        "", "Question: Answer: in Dutch"
    )


@settings(derandomize=True)
@given(text=st.text(), tokens=st.integers(1, 20))
def test_cut_texts_have_at_most_that_many_tokens(text, tokens):
    """A cut text is a beginning of the whole, within the limit, and whole if the limit allows."""
    cut = cut_tokens(text, tokens)

    assert text.startswith(cut)
    assert count_tokens(cut) <= tokens
    if count_tokens(text) <= tokens:
        assert cut == text
