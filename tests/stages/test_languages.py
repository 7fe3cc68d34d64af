"""Names and codes of languages."""

from __future__ import annotations

import pytest

from nemo_sdg.errors import RowError
from nemo_sdg.simulator.phrases import phrases
from nemo_sdg.stages.languages import known_languages, language_code, language_name, same_language


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("English", "English"),
        ("english", "English"),
        (" EN ", "English"),
        ("eng", "English"),
        ("American English", "English"),
        ("Chinese (Simplified)", "Chinese"),
        ("Simplified Chinese", "Chinese"),
        ("Chinese, Traditional", "Chinese"),
        ("Mandarin", "Chinese"),
        ("Mandarin Chinese", "Chinese"),
        ("zh-CN", "Chinese"),
        ("zh_Hant_TW", "Chinese"),
        ("Brazilian Portuguese", "Portuguese"),
        ("pt-BR", "Portuguese"),
        ("Portuguese (Brazil)", "Portuguese"),
        ("Español", "Spanish"),
        ("Latin American Spanish", "Spanish"),
        ("Farsi", "Persian"),
        ("Norwegian", "Bokmal"),
        ("Norwegian Nynorsk", "Nynorsk"),
        ("no", "Bokmal"),
        ("Filipino", "Tagalog"),
        ("Slovenian", "Slovene"),
        ("iw", "Hebrew"),
        ("日本語", "Japanese"),
        ("Latin", "Latin"),
    ],
)
def test_names(name, expected):
    """Names, codes, regions, scripts and remarks lead to the English name."""
    assert language_name(name) == expected


def test_all_codes_and_names():
    """Every language is found by its own name, and those of the simulated model by their codes and names."""
    assert len(known_languages()) == 75
    assert all(language_name(name) == name for name in known_languages())
    for language in phrases().languages:
        assert language_name(language.name) == language.name
        assert language_name(language.code) == language.name


@pytest.mark.parametrize("name", ["Klingon", "", "xx", "en glish", "null"])
def test_unknown(name):
    """An unknown name is an error that names it and what is known."""
    with pytest.raises(RowError, match=f"language {name!r} is unknown.*German"):
        language_name(name)


def test_same_language():
    """Members of one macrolanguage count as the same, others do not."""
    assert same_language("Malay", "Indonesian")
    assert same_language("Nynorsk", "Bokmal")
    assert same_language("English", "English")
    assert not same_language("Dutch", "German")
    assert not same_language("Bosnian", "Malay")


@pytest.mark.parametrize(
    ("name", "code"), [("German", "de"), ("zh-CN", "zh"), ("Norwegian", "nb"), ("x", None)]
)
def test_codes(name, code):
    """A language's code is that of ISO 639-1, None where it is unknown."""
    assert language_code(name) == code
