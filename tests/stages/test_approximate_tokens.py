"""Counting tokens without a tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.approximate_tokens import ApproximateTokens

DOCUMENTS = Path(__file__).parents[2] / "configs/nemotron_cc_documents.jsonl"
# What Llama 3's tokenizer counts: of the first article of the Universal Declaration of Human Rights (un.org),
# and of the example documents, by id.
ARTICLE = {
    33: "All human beings are born free and equal in dignity and rights. They are endowed "
    "with reason and conscience and should act towards one another in a spirit of "
    "brotherhood.",
    50: "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont "
    "doués de raison et de conscience et doivent agir les uns envers les autres dans un "
    "esprit de fraternité.",
    44: "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
    "Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit "
    "begegnen.",
    62: "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są "
    "oni obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu "
    "braterstwa.",
    48: "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "  # noqa: RUF001
    "разумом и совестью и должны поступать в отношении друг друга в духе братства.",
    94: "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और "
    "समानता प्राप्त है । उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और "
    "परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए ।",
    38: "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    58: "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"
    "人間は、理性と良心とを授けられており、互いに同胞の精神をもって行動しなければならない"
    "。",
    52: "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. "
    "인간은 천부적으로 이성과 양심을 부여받았으며 서로 형제애의 정신으로 "
    "행동하여야 한다.",
}
COUNTED = {
    "doc-00": 203,  # English
    "doc-02": 192,  # German
    "doc-03": 224,  # Chinese
    "doc-04": 166,  # Spanish
    "doc-06": 211,  # Japanese
    "doc-09": 145,  # English as in a forum
    "doc-14": 482,
}


def counts(*texts):
    """Return the approximate counts."""
    return ApproximateTokens().counts(texts)


@pytest.mark.parametrize(("tokens", "text"), ARTICLE.items())
def test_a_sentence_in_many_languages(tokens, text):
    """Of two sentences in English, Chinese, Hindi and others the count is wrong by a quarter at most."""
    assert counts(text)[0] == pytest.approx(tokens, rel=0.25)


def test_documents():
    """Of documents in five languages the count is wrong by at most an eighth, in English less."""
    lines = DOCUMENTS.read_text(encoding="utf-8").splitlines()
    texts = {document["id"]: document["text"] for document in map(json.loads, lines)}
    wrong = {name: counts(texts[name])[0] / tokens - 1 for name, tokens in COUNTED.items()}

    assert max(map(abs, wrong.values())) < 0.125
    assert max(abs(wrong[name]) for name in ("doc-00", "doc-09", "doc-14")) < 0.06


def test_not_by_characters():
    """A Chinese text of 100 characters takes several times as many tokens as an English one."""
    chinese, english = ARTICLE[38], ARTICLE[33]

    assert counts(chinese)[0] / len(chinese) > 3 * counts(english)[0] / len(english)


def test_code_is_rather_overestimated():
    """Of program text the count is too high, by less than two thirds, and never too low."""
    code = (
        "def add(first, second):\n    return first + second\n\n\nprint(add(1, 2))\n"  # 22 tokens of Llama 3
    )

    assert 22 <= counts(code)[0] <= 36


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text(first, second):
    """Whatever the characters, halves of surrogate pairs too, a text takes tokens; nothing takes none."""
    one, both, none = counts(first, first + second, "")

    assert none == 0
    assert bool(first) <= one <= 3 * len(first) + 1
    assert both >= bool(first or second)
