"""Removing quotation marks around a text."""

from __future__ import annotations

import pytest

from nemo_sdg.stages.remove_quotation import QuotationRemover, without_quotation


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('"A text."', "A text."),
        (' "A text with a "word" in it." ', 'A text with a "word" in it.'),
        ("'It's a text.'", "It's a text."),
        ("“Een tekst.”", "Een tekst."),
        ("„Ein Text mit ‚Wort‘.“", "Ein Text mit ‚Wort‘."),  # noqa: RUF001
        ("« Un texte. »", "Un texte."),
        ("「文章。」", "文章。"),
        ("`code`", "code"),
        ('"“Both.”"', "Both."),
        ('""', ""),
    ],
)
def test_around_the_whole(text, clean):
    """Marks around the whole text go, of whatever kind; those inside stay."""
    assert without_quotation(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        '"Yes," he said, "it is."',
        "“Yes,” he said, “it is.”",
        "「はい」と言った「そうです」",
        '"Hamlet" is a play.',
        'The play is "Hamlet"',
        '"',
        "",
        "no quotation",
    ],
)
def test_quotations_inside_stay(text):
    """A text that begins with one quotation and ends with another keeps both."""
    assert without_quotation(text) == text


def test_stage():
    """The stage does so in a column."""
    assert QuotationRemover("t").clean('"x"') == "x"
