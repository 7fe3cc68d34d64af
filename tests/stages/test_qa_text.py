"""Finding the question and the answer in a text."""

# ruff: noqa: RUF001 - colons and dashes of several scripts are meant

from __future__ import annotations

import json
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.qa_labels import INITIALS, LABELS
from nemo_sdg.stages.qa_text import find_pair

_WORDS = [(q, a) for labels in LABELS.values() for q in labels.question for a in labels.answer]


@pytest.mark.parametrize(
    "text",
    [
        "Question: What?\nAnswer: That.",
        "**Question:** What?\n\n**Answer:** That.",
        "**Question**: What?\n**Answer**: That.",
        "**Question: What?**\n**Answer: That.**",
        "*Question:* What?\n_Answer:_ That.",
        "## Question\nWhat?\n\n## Answer\nThat.\n\n---",
        "### Question:\n\nWhat?\n\n### Answer:\n\nThat.",
        "1. Question: What?\n   Answer: That.\n2. Question: Who?\n   Answer: They.",
        "- Question: What?\n- Answer: That.",
        "> **Q:** What?\n> **A:** That.",
        "Q: What? A: That.",
        "Q1: What?\nA1: That.\n\nQ2: Who?\nA2: They.",
        "Question 1: What?\nAnswer 1: That.",
        "Question (English): What?\nAnswer (English): That.",
        "QUESTION: What?\nANSWER: That.",
        "[EN] Question: What?\nAnswer: That.",
        "[EN] **Question:** What?\n[EN] **Answer:** That.",
        "Here is your pair:\n\nQuestion: What?\nAnswer: That.",
        "Question: What? Answer: That. Question: Who? Answer: They.",
        "❓ Question: What?\n✅ Answer: That.",
        "Question – What?\nAnswer – That.",
        "Question:\r\nWhat?\r\nAnswer:\r\nThat.\r\n",
        "<think>Question: no? Answer: no.</think>Question: What?\nAnswer: That.",
        '{"question": "What?", "answer": "That."}',
        'Sure:\n```json\n{"Question": "What?", "Answer": "That."}\n```',
        '[EN] [{"q": "What?", "a": "That."}, {"q": "Who?", "a": "They."}]',
        "{'question': 'What?', 'answer': 'That.'}",
        '{\n  "question": "What?",\n  "answer": "That."\n}',
        'Sure: {\n  "question": "What?",\n  "answer": "That.",\n}',
        '{"language": "es", "pregunta": "What?", "respuesta": "That."}',
    ],
)
def test_forms(text):
    """Labels are found with marks, numbers and codes about them, and so is JSON; the first pair counts."""
    assert find_pair(text) == ("What?", "That.")


@pytest.mark.parametrize(("question", "answer"), [*_WORDS, *INITIALS])
def test_labels_of_each_language(question, answer):
    """Each language's labels are found, with its colon and with markdown."""
    assert find_pair(f"{question}: x?\n{answer}: y") == ("x?", "y")
    assert find_pair(f"**{question}：** x?\n\n**{answer}：** y") == ("x?", "y")
    assert find_pair(f"[AB] {question} : x?\n{answer}\u00a0: y") == ("x?", "y")


def test_no_space_between_sentences():
    """Chinese and Japanese pairs on one line are parted."""
    assert find_pair("问题：什么？答案：这个。") == ("什么？", "这个。")


def test_long_answers():
    """An answer keeps its lines and lists; bold is taken off, other asterisks stay."""
    text = "Question: **What** is 2 * 3?\nAnswer: It is **6**:\n\n* 2*3\n* 3*2\n\nand 2**3 is 8, 4**5 too."

    assert find_pair(text) == ("What is 2 * 3?", "It is 6:\n\n* 2*3\n* 3*2\n\nand 2**3 is 8, 4**5 too.")


def test_choices_are_part_of_the_question():
    """Letters that name choices are no labels where there are labels in full."""
    text = "Question: Which?\nA: red\nB: blue\nAnswer: A"

    assert find_pair(text) == ("Which?\nA: red\nB: blue", "A")


def test_json_as_an_answer():
    """JSON within a labelled answer is part of that answer."""
    text = 'Question: How?\nAnswer: {"question": "x", "answer": "y"}'

    assert find_pair(text) == ("How?", '{"question": "x", "answer": "y"}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (None, None)),
        ("Nothing of the kind.", (None, None)),
        ("Question: What?", ("What?", None)),
        ("Answer: That.", (None, "That.")),
        ("Question:\nAnswer:", (None, None)),
        ("Question:\nAnswer: That.", (None, "That.")),
        ("The question: is it an answer: or not", (None, None)),
    ],
)
def test_what_is_not_there(text, expected):
    """What is missing or empty is None."""
    assert find_pair(text) == expected


@settings(derandomize=True, max_examples=500, deadline=None)
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            ["Question", "Answer", "Q", "A", ":", "\n", "**", "#", " ", "x", "{", "}", '"', "[EN]", "`"]
        )
    ).map("".join)
)
def test_never_raises(text):
    """Any text gives strings that are not empty, or None."""
    for found in find_pair(text):
        assert found is None or found.strip()


_SENTENCE = (
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="*_:：︓﹕-–—={}[]`")
    )
    .map(str.strip)
    .filter(bool)
)
_ALONE = {word.casefold() for pair in [*_WORDS, *INITIALS, ("Q", "A")] for word in pair}


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.sampled_from([*_WORDS, ("Q", "A")]),
    st.sampled_from(
        [
            "{q}: {question}\n{a}: {answer}",
            "**{q}:** {question}\n\n**{a}:** {answer}",
            "## {q}\n{question}\n## {a}\n{answer}\n",
            "[XY] {q} : {question}\n{a} : {answer}",
        ]
    ),
    _SENTENCE,
    st.lists(_SENTENCE, min_size=1, max_size=3).map("\n".join),
)
def test_round_trip(labels, form, question, answer):
    """What was put behind the labels comes out again, in any language and form."""
    lines = [line.casefold() for line in [question, *answer.split("\n")]]
    # A line that is a label itself is one, whatever was meant.
    assume(not any(word in line for line in lines for word in _ALONE if len(word) > 1))
    assume(not any(line.strip(" .#0123456789") in _ALONE or len(line) < 3 for line in lines))
    text = form.format(q=labels[0], a=labels[1], question=question, answer=answer)

    assert find_pair(text) == (question, answer)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(_SENTENCE, _SENTENCE)
def test_json_round_trip(question, answer):
    """JSON gives back what was put in."""
    text = json.dumps({"question": question, "answer": answer})

    assert find_pair(f"Here:\n```json\n{text}\n```") == (question, answer)


@pytest.mark.parametrize(
    "text",
    [
        "-" * 50_000,
        "*" * 50_000,
        "Question: " * 5_000,
        "Question: x\nAnswer: " + "**a " * 10_000,
        "[EN]" * 10_000,
    ],
)
def test_hostile_text_is_bounded(text):
    """Endless marks and labels take no long time."""
    start = time.process_time()
    find_pair(text)

    assert time.process_time() - start < 2
