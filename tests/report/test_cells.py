from __future__ import annotations

import datetime as dt

import pytest

from nemo_sdg.report.cells import cell, plain


def test_short_values_are_whole():
    """A short text is shown as it is, other values as JSON, those that JSON has not as text."""
    assert cell("ab\nc").text == "ab\nc"
    assert (cell(None).text, cell(1.5).text, cell(["a", 1]).text) == ("null", "1.5", '["a", 1]')
    assert "2026-01-02" in cell({"when": dt.date(2026, 1, 2)}).text
    assert cell({(1, 2): "x"}).text == "{(1, 2): 'x'}"
    assert cell(float("nan")).text == "NaN"


def test_long_values_are_cut_and_folded():
    """Of a long text a beginning is kept, with how long it was; a preview is seen first."""
    made = cell("x" * 5_000_000, 1000)
    assert (len(made.text), made.whole) == (1000, 5_000_000)
    assert made.note == "… (5,000,000 characters in all)"
    assert 0 < len(made.preview) < 300
    assert cell("a\n" * 20).preview.count("\n") < 5
    assert not cell("x" * 300).preview
    assert plain("y" * 7000).endswith("… (7,000 characters in all)")


@pytest.mark.parametrize("most", range(1, 60, 7))
def test_no_credential_at_any_cut(most):
    """A credential is not shown, nor the beginning of one that the cut goes through."""
    key = "nvapi-" + "0123456789" * 2
    assert "nvapi" not in cell(f"the key is {key}, so", most).text


def test_nothing_that_a_page_cannot_hold():
    """Control characters are shown as pictures, half characters replaced; tabs and line breaks stay."""
    text = cell("a\0b\x1b\x7f\ud800\t\n").text
    assert text == "a\u2400b\u241b\u2421\ufffd\t\n"
    text.encode()
