from __future__ import annotations

import pytest

from nemo_sdg.simulator.answers import answer, wish_of
from nemo_sdg.simulator.given_text import given_text
from nemo_sdg.stages.transformations import DISTILL, DIVERSE_QA, EXTRACT_KNOWLEDGE, KNOWLEDGE_LIST, WIKIPEDIA

TEXT = "Tides turn mills. The sea rises twice a day.\nGerman mills are rare. Water weighs much."


def said(prompt, key=b"1"):
    """Return what the model says to a prompt."""
    return answer(wish_of("", prompt), key)


@pytest.mark.parametrize("each", [WIKIPEDIA, EXTRACT_KNOWLEDGE])
def test_rewriting_keeps_the_sentences(each):
    """A rewritten text is as long as the text, in its language, and begins as the prompt wants it."""
    text = said(each.prompt.replace("{text}", TEXT))

    assert text.removeprefix(each.prefix).strip() == TEXT.replace("\n", " ")
    assert text.startswith(each.prefix)


def test_condensing_is_shorter():
    """Of a text to be condensed, half of the sentences are left."""
    text = said(DISTILL.prompt.replace("{text}", TEXT))

    assert text == "Condensed text:\nTides turn mills. German mills are rare."


def test_facts_are_a_list():
    """Each sentence is an item where the prompt shows a dash."""
    text = said(KNOWLEDGE_LIST.prompt.replace("{text}", TEXT))

    assert [line[:2] for line in text.splitlines()] == ["- "] * 4


def test_questions_about_a_text_stay_questions():
    """Questions about a given text are asked for as before; the languages it speaks of do not count."""
    assert said(DIVERSE_QA.prompt.replace("{text}", TEXT)).startswith("Question: ")
    assert wish_of("", "Question: Answer: in French.\n\nText:\nIt is German.").language.name == "French"


def test_translations_are_in_the_language():
    """A language that the instructions name decides, whatever the text speaks of."""
    one, other = said(f"Translate into French.\n\nText:\n{TEXT}"), said(f"Translate it.\n\nText:\n{TEXT}")

    assert wish_of("", f"Translate into French.\n\nText:\n{TEXT}").given.language.name == "French"
    assert one != said(f"Translate into French.\n\nText:\n{TEXT}", b"2")
    assert other == TEXT.replace("\n", " ")


def test_chinese_sentences():
    """Sentences without spaces between them come together without any."""
    assert said("Rewrite it.\n\nText:\n水很重。海很大。") == "水很重。海很大。"


def test_improved_texts_differ():
    """What is to be improved comes back with something more."""
    assert said("Improve it.\n\nDraft: Water is wet.").startswith("Water is wet. ")


def test_a_question_is_answered():
    """A prompt that ends with a question mark gets an answer, not another question."""
    assert "Question" not in said("Why is the sea salty?")
    assert said("Why?") != said("Why?", b"2")


def test_no_text_given():
    """Words that only look like a label are none."""
    assert given_text("Rewrite the text: quickly") is None
    assert not given_text("Rewrite it.\nText:\n").wanted
