from __future__ import annotations

import pytest

from nemo_sdg.client.shown import shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("two\n  lines", "two lines"),
        ("x" * 300, "x" * 200 + "..."),
        (" " * 10**7 + "x", "..."),
        (ValueError("so"), "so"),
        (ConnectionResetError(), "ConnectionResetError"),
        ({"a": 1}, "{'a': 1}"),
        ("", ""),
    ],
)
def test_on_one_line(words, said):
    """Words are shown on one line and cut off; an exception that says nothing by its name."""
    assert shown(words) == said
