"""What Nemotron-CC asks a model to make of a document, and the limits that go with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Transformation:
    """One way to make new text of a document.

    The limits are those that are published for Nemotron-CC (arXiv 2412.02595, and its pipelines in NeMo
    Curator); the prompts are our own.
    """

    name: str
    system_prompt: str
    prompt: str
    """{text} becomes the segment."""
    prefix: str
    """What the answer is to begin with; "": with the text itself."""
    min_document_tokens: int
    """Documents with fewer are left out."""
    min_segment_tokens: int
    """Segments with fewer are left out."""
    max_input_tokens: int
    """Of the prompt, with the segment in it."""
    max_output_tokens: int
    """Of the answer."""
    min_output_tokens: int
    """Results with fewer are left out."""
    joined: bool = False
    """Whether the results of a document's segments become one text."""


_FAITHFUL = (
    "Say nothing that the text does not say, and keep its names, numbers, dates and units. "
    "Write in the language of the text."
)

WIKIPEDIA = Transformation(
    name="wikipedia",
    system_prompt="You are an editor of an encyclopedia. You turn rough web text into clear, neutral prose.",
    prompt=(
        "Rewrite the text below as a passage of a well-kept encyclopedia article: complete sentences, a "
        "neutral tone, correct grammar, one idea after the other. Vary words and sentence structure. "
        f"Leave out what is no content, such as menus, advertisements and calls to click. {_FAITHFUL}\n\n"
        'Begin with a line that holds only the words "Encyclopedia version:". Then write the passage in '
        "plain text, without headings, lists or remarks of your own.\n\n"
        "Text:\n{text}"
    ),
    prefix="Encyclopedia version:",
    min_document_tokens=5,
    min_segment_tokens=5,
    max_input_tokens=512,
    max_output_tokens=512,
    min_output_tokens=50,
    joined=True,
)

DIVERSE_QA = Transformation(
    name="diverse_qa",
    system_prompt="You write exam questions that a text answers.",
    prompt=(
        "Write up to eight questions about the text below, each with its answer. Let the kinds vary: "
        "some to be answered by yes or no, some that ask who, what, when, where, why or how, some with a "
        "few choices to pick from, some that compare two things, and some that need two places of the "
        "text. A reader must find each answer in the text, and understand each question without seeing "
        "it. If the text is short, write fewer. Write in the language of the text, but keep the two "
        "labels in English.\n\n"
        "Give each pair as two lines, with an empty line between pairs, and nothing else:\n"
        "Question: <the question, with its choices if it has any>\n"
        "Answer: <the answer, in one or two sentences>\n\n"
        "Text:\n{text}"
    ),
    prefix="",
    min_document_tokens=30,
    min_segment_tokens=30,
    max_input_tokens=1000,
    max_output_tokens=600,
    min_output_tokens=100,
)

DISTILL = Transformation(
    name="distill",
    system_prompt="You condense texts without losing what an expert would want to know.",
    prompt=(
        "Write a shorter version of the text below. Keep every important fact, argument, definition and "
        "step, and the terms of its field; drop repetition, asides and filler. Where the text explains "
        f"something, keep the explanation clear enough for a student. {_FAITHFUL}\n\n"
        'Begin with a line that holds only the words "Condensed text:". Then write the shorter version '
        "in plain text, without remarks of your own.\n\n"
        "Text:\n{text}"
    ),
    prefix="Condensed text:",
    min_document_tokens=30,
    min_segment_tokens=10,
    max_input_tokens=2000,
    max_output_tokens=1600,
    min_output_tokens=50,
)

EXTRACT_KNOWLEDGE = Transformation(
    name="extract_knowledge",
    system_prompt="You write textbook passages from source material.",
    prompt=(
        "Collect the knowledge in the text below and write it down as passages of a textbook. Take what "
        "a reader could learn from: facts, causes and effects, how things work, what terms mean. Leave "
        "out who published the text, how it is laid out, offers and personal remarks. Write whole "
        "paragraphs that can be understood without the text, and do not speak of 'the text' or 'the "
        f"author'. {_FAITHFUL}\n\n"
        "Write only the passages, in plain text, without headings or lists. Where subjects are far "
        "apart, put an empty line between their passages.\n\n"
        "Text:\n{text}"
    ),
    prefix="",
    min_document_tokens=30,
    min_segment_tokens=30,
    max_input_tokens=1400,
    max_output_tokens=1400,
    min_output_tokens=50,
)

KNOWLEDGE_LIST = Transformation(
    name="knowledge_list",
    system_prompt="You take facts out of texts.",
    prompt=(
        "List what the text below teaches: facts, figures, definitions, relations, steps. One item "
        "states one thing in a whole sentence that can be understood alone, with names in place of words "
        "such as 'it' or 'they'. Leave out what is only about the page that the text comes from. Keep "
        f"the order of the text. {_FAITHFUL}\n\n"
        'Write one item a line, each beginning with "- ", and nothing else.\n\n'
        "Text:\n{text}"
    ),
    prefix="",
    min_document_tokens=30,
    min_segment_tokens=30,
    max_input_tokens=1000,
    max_output_tokens=600,
    min_output_tokens=50,
)

TRANSFORMATIONS = {
    each.name: each for each in (WIKIPEDIA, DIVERSE_QA, DISTILL, EXTRACT_KNOWLEDGE, KNOWLEDGE_LIST)
}
"""By name."""
