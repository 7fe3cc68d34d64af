"""Finding all questions and answers in what a model wrote."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import msgspec

from nemo_sdg.stages.answer_json import without_reasoning
from nemo_sdg.stages.qa_labels import LABELS
from nemo_sdg.stages.remove_markdown import without_markdown

# Possessive quantifiers keep lines of many dashes or stars from being tried in every way.
_BEFORE = r"(?:\d{1,3}[.)]|[^\w\n]|_){0,24}+"
_AFTER = r"[ \t]*+(?:[#№]?\d{1,3})?+[ \t]*+(?:[(（][^()（）\n]{1,40}[)）])?+[*_`]*+[ \t]*+"  # noqa: RUF001
_COLON = r"[:：︓﹕][*_`]*+"  # noqa: RUF001 - colons of several scripts
_FENCED = re.compile(r"```[ \t]*\w*[ \t]*\n(.*?)```", re.DOTALL)
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t].*|[*_]{2,3}[^*_]+[*_]{2,3}[:：]?[ \t]*)")  # noqa: RUF001


class Pair(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


class _Open:
    """A pair that is being read: the lines of its question and of its answer."""

    def __init__(self, question: str) -> None:
        self.question = [question]
        self.answer: list[str] | None = None
        self.closed = False
        """An empty line came after its answer: what follows is no part of it."""

    def add(self, line: str) -> None:
        if not line.strip():
            self.closed = self.answer is not None and any(each.strip() for each in self.answer)
        elif not self.closed and not _HEADING.fullmatch(line):
            (self.question if self.answer is None else self.answer).append(line)

    def finished(self) -> Pair | None:
        question, answer = _text(self.question), _text(self.answer or [])
        return Pair(question, answer) if question and answer else None


def find_pairs(text: str) -> list[Pair]:
    """Return all whole pairs in `text`, in order; each is there once.

    Labels are known in some thirty languages, with markdown, bullets and numbers about them, and JSON lists
    of objects with a question and an answer. A question without an answer is left out, and so are headings
    and what is said before, between and behind.
    """
    text = without_reasoning(text.replace("\r\n", "\n")).strip()
    pairs = _from_json(text)
    # Whole words first: a letter may also name one of the choices that a question gives.
    for patterns in () if pairs else _families():
        pairs = [pair for opened in _labelled(text, patterns) if (pair := opened.finished()) is not None]
        if pairs:
            break
    return list(dict.fromkeys(pairs))


def _labelled(text: str, patterns: _Patterns) -> list[_Open]:
    found: list[_Open] = []
    for line in text.split("\n"):
        if (asked := patterns.question.match(line)) is not None:
            rest = line[asked.end() :]
            within = patterns.answer_within.search(rest)
            found.append(_Open(rest if within is None else rest[: within.start()]))
            if within is not None:
                found[-1].answer = [rest[within.end() :]]
        elif found and found[-1].answer is None and (answered := patterns.answer.match(line)) is not None:
            found[-1].answer = [line[answered.end() :]]
        elif found:
            found[-1].add(line)
    return found


def _text(lines: list[str]) -> str:
    return without_markdown("\n".join(line.strip() for line in lines).strip()).strip(" \t\n*_")


def _from_json(text: str) -> list[Pair]:
    if "{" not in text:
        return []
    fenced = _FENCED.search(text)
    inside = fenced[1] if fenced else text
    start, end = inside.find("["), inside.rfind("]")
    try:
        values = msgspec.json.decode(inside[start : end + 1] if 0 <= start < end else inside)
    except (msgspec.DecodeError, RecursionError):
        return []
    questions, answers = _keys()
    pairs = []
    for value in values if isinstance(values, list) else [values]:
        if not isinstance(value, dict):
            continue
        lower = {str(key).casefold(): str(each).strip() for key, each in value.items() if each is not None}
        question = next((lower[key] for key in lower if key in questions), "")
        answer = next((lower[key] for key in lower if key in answers), "")
        if question and answer:
            pairs.append(Pair(question, answer))
    return pairs


class _Patterns(NamedTuple):
    question: re.Pattern[str]
    answer: re.Pattern[str]
    answer_within: re.Pattern[str]


@cache
def _families() -> tuple[_Patterns, ...]:
    questions, answers = _keys()
    return (
        _family(questions - {"q"}, answers - {"a"}),
        _family(frozenset("q"), frozenset("a")),
        _family(questions, answers),
    )


def _family(questions: frozenset[str], answers: frozenset[str]) -> _Patterns:
    question, answer = _any_of(questions), _any_of(answers)
    end = rf"(?:{_AFTER}(?:{_COLON}|\Z)|[ \t]?\d{{1,3}}[.)](?=[ \t]))"
    return _Patterns(
        re.compile(f"{_BEFORE}{question}{end}", re.IGNORECASE),
        re.compile(f"{_BEFORE}{answer}{end}", re.IGNORECASE),
        re.compile(rf"(?<!\w)[*_]*+{answer}{_AFTER}{_COLON}", re.IGNORECASE),
    )


@cache
def _keys() -> tuple[frozenset[str], frozenset[str]]:
    questions = {word.casefold() for labels in LABELS.values() for word in labels.question}
    answers = {word.casefold() for labels in LABELS.values() for word in labels.answer}
    return frozenset({*questions, "q"}), frozenset({*answers, "a"})


def _any_of(words: frozenset[str]) -> str:
    # The longest first, so that a word is not taken for a shorter one that it begins with.
    return f"(?:{'|'.join(re.escape(word) for word in sorted(words, key=len, reverse=True))})"
