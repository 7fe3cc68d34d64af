from __future__ import annotations

import string

import pytest
from lingua import IsoCode639_1, LanguageDetectorBuilder

from nemo_sdg.simulator.answers import Wish, answer
from nemo_sdg.simulator.phrases import make_pair, phrases

LANGUAGES = phrases().languages
SUBJECTS = {
    "symbol": ({"element"}, {"element", "symbol", "number"}),
    "compare": ({"element", "other"}, {"larger", "number"}),
    "capital": ({"country"}, {"country", "capital"}),
    "animal": ({"animal"}, {"animal", "class"}),
    "light": ({"n"}, {"n", "km"}),
    "kelvin": ({"n"}, {"n", "kelvin"}),
}


@pytest.fixture(scope="module")
def detector():
    """Give lingua with the simulated languages only."""
    codes = [getattr(IsoCode639_1, language.code) for language in LANGUAGES]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()


def test_there_are_22_languages():
    """Twenty-two languages are there, each once."""
    assert len({language.code for language in LANGUAGES}) == len(LANGUAGES) == 22


def test_a_detector_recognises_every_language(detector):
    """Lingua names the right language for each of several texts of all languages."""
    for language in LANGUAGES:
        for i in range(12):
            text = answer(Wish(language, "markdown", code=False), b"%d" % i)

            found = detector.detect_language_of(text)
            assert found is not None
            assert found.iso_code_639_1.name == language.code, text


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_tables_are_complete(language):
    """Each language has every word, and its sentences have the slots that their subjects fill."""
    english = LANGUAGES[0]
    for field in ("elements", "countries", "capitals", "animals", "classes", "facts"):
        assert (
            len(getattr(language, field))
            == len(set(getattr(language, field)))
            == len(getattr(english, field))
        )
    for subject, (asked, told) in SUBJECTS.items():
        question, reply = language.templates[subject]
        assert {name for _, name, _, _ in string.Formatter().parse(question) if name} == asked
        # An answer may refer to the question instead of repeating all of it.
        slots = {name for _, name, _, _ in string.Formatter().parse(reply) if name}
        assert slots <= told | asked
        assert slots - asked


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.code)
def test_rows_are_many_and_long_enough(language):
    """Thousands of different pairs come out, none of them shorter than a dozen words or 40 characters."""
    pairs = {make_pair(language, number * 7919) for number in range(20_000)}

    assert len(pairs) > 4_000
    for question, reply in pairs:
        words = len(f"{question} {reply}".split())
        assert words >= 12 or (language.code in {"ZH", "JA", "KO"} and len(question + reply) >= 40)


def test_facts_are_right():
    """The numbers in the English answers follow from the question."""
    pairs = [make_pair(LANGUAGES[0], number * 7919) for number in range(10_000)]

    answers = dict(pairs)
    assert answers["What is the chemical symbol of gold?"].startswith("The chemical symbol of gold is Au, ")
    assert answers["Which city is the capital of Japan?"].startswith(
        "The capital of Japan is the city of Tokyo."
    )
    assert "belongs to the birds" in answers["To which group of animals does the penguin belong?"]
    kelvin = next((q, a) for q, a in pairs if "Kelvin" in q)
    n = int(kelvin[0].split("of ")[1].split()[0])
    assert f"about {n + 273} K" in kelvin[1]
    compare = [(q, a) for q, a in pairs if "iron" in q and "gold" in q]
    assert compare
    assert all("gold has the larger atomic number, namely 79" in a for _, a in compare)


def test_the_same_number_gives_the_same_pair():
    """Pairs are a function of language and number."""
    assert make_pair(LANGUAGES[3], 123_456_789) == make_pair(LANGUAGES[3], 123_456_789)
