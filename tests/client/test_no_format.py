from __future__ import annotations

import pytest

from nemo_sdg.client import NoFormat
from nemo_sdg.errors import TemplateError

ONE = [{"role": "user", "content": " The capital of France is"}]


def test_passes_through():
    """The text of the one turn is the prompt, unchanged."""
    assert NoFormat().format_conversation(ONE) == " The capital of France is"


@pytest.mark.parametrize(
    ("conv", "shown"),
    [
        ([], "is empty"),
        ([{"role": "system", "content": "Be brief."}], r"turn 1 of 1 \(role 'system', content 'Be brief.'\)"),
        ([*ONE, {"role": "assistant", "content": "Paris"}], r"turn 2 of 2 \(role 'assistant'"),
    ],
)
def test_refused(conv, shown):
    """Anything but one turn of the user is an error that shows the turn."""
    with pytest.raises(TemplateError, match=shown):
        NoFormat().format_conversation(conv)
