"""Questions and answers about nature in many languages, made from tables of words and templates."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec

LIGHT_KM_PER_SECOND = 299_792
KELVIN_OFFSET = 273

# How often each template is taken: about as its number of different outcomes, so that rows seldom repeat.
_WEIGHTED = ("symbol", "capital", "animal", *["compare"] * 3, *["light"] * 5, *["kelvin"] * 5)


class Language(msgspec.Struct, frozen=True):
    """One language: its names, its words and its sentences with slots."""

    name: str
    code: str
    names: tuple[str, ...]
    elements: tuple[str, ...]
    countries: tuple[str, ...]
    capitals: tuple[str, ...]
    animals: tuple[str, ...]
    classes: tuple[str, ...]
    templates: dict[str, tuple[str, str]]
    """Question and answer by subject."""
    facts: tuple[str, ...]
    """Sentences that an answer may end with."""


class Phrases(msgspec.Struct, frozen=True):
    """All languages, and what is the same in each."""

    symbols: tuple[tuple[str, int], ...]
    """Symbol and atomic number of each element."""
    animal_classes: tuple[int, ...]
    languages: tuple[Language, ...]


class Pair(NamedTuple):
    """A question and its answer."""

    question: str
    answer: str


@cache
def phrases() -> Phrases:
    """Read the tables; the first call takes some milliseconds."""
    text = resources.files(__package__).joinpath("phrases.json").read_bytes()
    return msgspec.json.decode(text, type=Phrases)


@cache
def languages_by_name() -> dict[str, Language]:
    """Return the languages by their English names."""
    return {language.name: language for language in phrases().languages}


def make_pair(language: Language, number: int) -> Pair:
    """Return the pair that a large whole number stands for; the same number gives the same pair."""
    number, choice = divmod(number, len(_WEIGHTED))
    subject = _WEIGHTED[choice]
    number, choice = divmod(number, len(language.facts))
    fact = language.facts[choice]
    question, answer = language.templates[subject]
    slots = _slots(language, subject, number)
    # Chinese and Japanese put no space between sentences.
    space = "" if answer.endswith("。") else " "
    return Pair(question.format_map(slots), f"{answer.format_map(slots)}{space}{fact}")


def _slots(language: Language, subject: str, number: int) -> dict[str, object]:
    if subject == "light":
        n = number % 900 + 2
        return {"n": n, "km": n * LIGHT_KM_PER_SECOND}
    if subject == "kelvin":
        n = number % 1500 + 1
        return {"n": n, "kelvin": n + KELVIN_OFFSET}
    if subject == "capital":
        i = number % len(language.countries)
        return {"country": language.countries[i], "capital": language.capitals[i]}
    if subject == "animal":
        i = number % len(language.animals)
        return {"animal": language.animals[i], "class": language.classes[phrases().animal_classes[i]]}
    rest, i = divmod(number, len(language.elements))
    symbols = phrases().symbols
    if subject == "symbol":
        return {"element": language.elements[i], "symbol": symbols[i][0], "number": symbols[i][1]}
    # The other element is never the same one.
    j = (i + 1 + rest % (len(language.elements) - 1)) % len(language.elements)
    larger = max(i, j, key=lambda k: symbols[k][1])
    return {
        "element": language.elements[i],
        "other": language.elements[j],
        "larger": language.elements[larger],
        "number": symbols[larger][1],
    }
