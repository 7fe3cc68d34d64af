"""Removing what a model says before the text."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.remove_prefix import PrefixRemover
from nemo_sdg.stages.rows import split_rejected

_CLEAN = PrefixRemover(["Condensed text:"]).clean


@pytest.mark.parametrize(
    "text",
    [
        "Condensed text:\nRain fell.",
        "condensed text: Rain fell.",
        "**Condensed Text:**\n\nRain fell.",
        "**Condensed text**:\nRain fell.",
        "## Condensed text\n\nRain fell.",
        '"Condensed text:"\nRain fell.',
        "Condensed text:Rain fell.",  # as in Chinese
        "Sure! Here is the shorter version you asked for.\n\nCondensed text:\nRain fell.",
        "<think>Let me see.\nCondensed text: no</think>\n\nCondensed text:\nRain fell.",
        "Here is a condensed version of the text:\n\nRain fell.",
        "Here's the condensed text:\nRain fell.",
        "Sure, I can help with that!\nHere is the result:\n\nRain fell.",
        "Below is the text:\nRain fell.",
        "  Rain fell.",
    ],
)
def test_ways_to_begin(text):
    """With the prefix in whatever dress, another lead-in or none, what stays is the text."""
    assert _CLEAN(text) == "Rain fell."


@pytest.mark.parametrize(
    "text",
    [
        "Here is where the river ends, and the sea begins.\nIt is cold.",
        "Condensed text is what editors like. It is short.",
        "Sure-footed goats climb here.\nThey eat moss.",
        "The rule is simple:\nnever stop.",
        "Of coursework there was much.",
    ],
)
def test_sentences_stay(text):
    """A text that only begins with such words is left alone."""
    assert _CLEAN(text) == text


def test_a_prefix_far_below_is_text():
    """The words of the prefix in the middle of a long text do not cost what is before them."""
    text = "Rain fell. " * 60 + "\nCondensed text:\nmore"

    assert _CLEAN(text) == text.strip()


def test_required():
    """With `required`, a text without the prefix is rejected with how it begins."""
    batch = pa.table({"row_id": [0, 1], "text": ["I cannot help with that.", "Condensed text:\nx"]})
    made, [rejection] = split_rejected(PrefixRemover(["Condensed text:"], required=True).process(batch))

    assert made["text"].to_pylist() == ["x"]
    assert "begins with 'Condensed text:'; found 'I cannot help" in rejection.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"prefixes": "text:"},
        {"prefixes": [""]},
        {"prefixes": [":"]},
        {"prefixes": [], "required": True},
        {"prefixes": ["x"], "required": "yes"},
    ],
)
def test_refused(arguments):
    """Prefixes of no use are refused."""
    with pytest.raises(ConfigError, match=r"prefixes|required"):
        PrefixRemover(**arguments)
