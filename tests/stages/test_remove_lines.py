"""Removing lines that say nothing."""

from __future__ import annotations

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.remove_lines import LineRemover

_CLEAN = LineRemover([r"passage(?: \d+)?:"]).clean


def test_lines_go():
    """Lines that match go as a whole, whatever their case and marks; passages stay apart."""
    assert _CLEAN("Passage:\nOne.\n\n**Passage 2:**\n\nTwo.\nPASSAGE 3:") == "One.\n\nTwo."


def test_other_lines_stay():
    """A line that holds more than the pattern stays, and a text without such lines stays as it is."""
    text = "The passage: it is long.\n\n\n\nEnd."

    assert _CLEAN(text) == text


@pytest.mark.parametrize("patterns", ["x", [], [""], ["("], [3]])
def test_refused(patterns):
    """What is no list of regular expressions is refused."""
    with pytest.raises(ConfigError, match="patterns"):
        LineRemover(patterns)
