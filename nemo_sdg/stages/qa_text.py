"""Finding the first question and its answer in what a model wrote."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.stages.answer_json import find_object, without_reasoning
from nemo_sdg.stages.qa_labels import INITIALS, LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Possessive quantifiers keep lines of many dashes or stars from being tried in every way.
_SPACE = r"[ \t\u00a0\u202f\u3000]*+"
_CODE = r"\[[A-Za-z]{2,3}\]"
_BEFORE = rf"^(?P<marks>(?:{_CODE}|\d{{1,3}}[.)]|_|[^\w\n]){{0,24}}+)"
_NUMBER = r"(?:[#№]?\d{1,3})?+"
_REMARK = r"(?:[(（][^()（）\n]{1,40}[)）])?+"  # noqa: RUF001 - Chinese brackets
# No quotes, for behind those a label is a key of JSON.
_CLOSED = r"[*_`”»]*+"
_COLON = r"[:：︓﹕]"  # noqa: RUF001 - colons of several scripts
_AFTER = rf"{_SPACE}{_NUMBER}{_SPACE}{_REMARK}(?P<closed>{_CLOSED}){_SPACE}"
_LINE_END = rf"(?:{_COLON}(?P<end>[*_]*+)|[-–—](?=[ \t])|(?=[ \t]*+(?:\n|\Z)))"  # noqa: RUF001 - dashes
_FLAGS = re.MULTILINE | re.IGNORECASE

_LANGUAGE_PREFIX = re.compile(rf"\s*{_CODE}\s*")
_BOLD = re.compile(r"(?<![0-9A-Za-z_)*])\*\*(?=[^\s*])((?:[^*\n]|\*(?!\*))*+)(?<!\s)\*\*(?![0-9A-Za-z_(*])")
_RULE = re.compile(r"\n[ \t]*(?:[-*_=][ \t]*){3,}\Z")


class QuestionAnswer(NamedTuple):
    """What was found; None for what was not."""

    question: str | None
    answer: str | None


class _Family(NamedTuple):
    """Patterns of labels that belong together: at the beginning of a line, and within one."""

    question: re.Pattern[str]
    answer: re.Pattern[str]
    question_within: re.Pattern[str]
    answer_within: re.Pattern[str]


def find_pair(text: str) -> QuestionAnswer:
    """Return the first question and its answer: a JSON object with both, or labelled texts.

    Labels are known in some thirty languages, with markdown, numbers and a language code about them.
    """
    text = without_reasoning(text.replace("\r\n", "\n"))
    text = text[match.end() :] if (match := _LANGUAGE_PREFIX.match(text)) else text
    beginning = text.lstrip()[:1]
    if beginning in ("{", "[", "`") and (found := _from_json(text)):
        return found
    for family in _families_in(text):
        found = _from_labels(text, family)
        if found.question and found.answer:
            return found
    return _from_json(text) or _part_of_pair(text)


def _from_json(text: str) -> QuestionAnswer | None:
    if "{" not in text:
        return None
    found = find_object(text, lambda candidate: _of_object(candidate) is not None, repair=True)
    return None if found is None else _of_object(found)


def _of_object(found: dict[str, Any]) -> QuestionAnswer | None:
    questions, answers = _keys()
    pair: list[str | None] = [None, None]
    for key, value in found.items():
        for position, names in enumerate((questions, answers)):
            if str(key).casefold() in names and isinstance(value, (str, int, float)):
                pair[position] = pair[position] or str(value).encode("utf-8", "replace").decode().strip()
    question, answer = pair
    return QuestionAnswer(question, answer) if question and answer else None


def _from_labels(text: str, family: _Family) -> QuestionAnswer:
    asked = family.question.search(text)
    if asked is None:
        return QuestionAnswer(None, None)
    next_question, answered = family.question, family.answer.search(text, asked.end())
    following = next_question.search(text, asked.end())
    end = following.start() if following else len(text)
    if answered is None or answered.start() > end:
        within = family.answer_within.search(text, asked.end(), end)
        if within is None:
            return QuestionAnswer(_value(asked, text[asked.end() : end]), None)
        next_question, answered = family.question_within, within
    following = next_question.search(text, answered.end())
    end = following.start() if following else len(text)
    question = _value(asked, text[asked.end() : answered.start()])
    return QuestionAnswer(question, _value(answered, text[answered.end() : end]))


def _part_of_pair(text: str) -> QuestionAnswer:
    family = _families()[0]
    found = _from_labels(text, family)
    if found.question is None and (answered := family.answer.search(text)):
        return QuestionAnswer(None, _value(answered, text[answered.end() :]))
    return found


def _value(label: re.Match[str], text: str) -> str | None:
    groups = label.groupdict()
    value = _RULE.sub("", text.strip()).strip()
    if value.startswith("```") and value.endswith("```") and "\n" in value:
        value = value[value.index("\n") : -3].strip()
    opened = re.search(r"[*_]+$", groups.get("marks") or "")
    if opened and not (groups["closed"] or groups["end"]):
        # The marks in front of the label close at the end of the value.
        value = value.removesuffix(opened[0]).rstrip()
    return _BOLD.sub(r"\1", value) or None


def _families_in(text: str) -> Iterator[_Family]:
    """Yield whole words first: a letter may also name one of the choices that a question gives."""
    families = _families()
    yield from families[:3]
    if _initials().search(text):
        yield from families[3:]


@cache
def _families() -> tuple[_Family, ...]:
    questions = [word for labels in LABELS.values() for word in labels.question]
    answers = [word for labels in LABELS.values() for word in labels.answer]
    return (
        _family(questions, answers),
        _family(["Q"], ["A"]),
        _family([*questions, "Q"], [*answers, "A"]),
        *(_family([question], [answer]) for question, answer in INITIALS),
    )


@cache
def _initials() -> re.Pattern[str]:
    return re.compile(_at_line(_any_of(question for question, _ in INITIALS)), _FLAGS)


def _family(questions: list[str], answers: list[str]) -> _Family:
    words = (_any_of(questions), _any_of(answers))
    at_line = (re.compile(_at_line(word), _FLAGS) for word in words)
    return _Family(*at_line, *(re.compile(_within_line(word), _FLAGS) for word in words))


def _at_line(word: str) -> str:
    return f"{_BEFORE}{word}{_AFTER}{_LINE_END}"


def _within_line(word: str) -> str:
    return rf"(?<!\w)(?P<marks>[*_]*+){word}{_AFTER}{_COLON}(?P<end>[*_]*+)"


def _any_of(words: Iterable[str]) -> str:
    # The longest first, so that a word is not taken for a shorter one that it begins with.
    longest_first = sorted({word.casefold(): word for word in words}.values(), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, longest_first))})"


@cache
def _keys() -> tuple[frozenset[str], frozenset[str]]:
    questions = {word.casefold() for labels in LABELS.values() for word in labels.question}
    answers = {word.casefold() for labels in LABELS.values() for word in labels.answer}
    return frozenset({*questions, "q"}), frozenset({*answers, "a"})
