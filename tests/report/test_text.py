from __future__ import annotations

import time

import pytest

from nemo_sdg.report.text import crop, display_width, one_line, value_line, without_surrogates


def test_control_characters_are_harmless():
    """Escapes, bells, line breaks and marks of direction cannot reach the terminal."""
    line = one_line("a\r\nb\tc\x1b[2J\x07\x9b\u2028d\u202ee\u2066f\ud800\x00")
    assert line == "a b c\ufffd[2J\ufffd\ufffd def\ufffd\ufffd"


def test_scripts_are_kept():
    """Joiners that Persian and joined emoji are written with stay, and so do combining marks."""
    text = "می‌خواهم नई दिल्ली 👩‍👧 e\u0301"
    assert one_line(text) == text


@pytest.mark.parametrize("width", range(14))
def test_cropped_by_columns(width):
    """Wide characters count two columns, so no width is exceeded."""
    line = one_line("日本abc東京 e\u0301x", width)
    assert display_width(line) <= width
    assert line.endswith("…") == (width > 0)


def test_what_fits_is_whole():
    """A line of exactly the width is not cropped; one of a column more loses two to the ellipsis."""
    assert crop("日本", 4) == "日本"
    assert crop("日本x", 4) == "日…"


def test_huge_texts_are_cheap():
    """A row of megabytes takes no longer to show than a short one."""
    began = time.process_time()
    assert display_width(one_line("x y\n" * 5_000_000, 60)) == 60
    assert time.process_time() - began < 0.5


def test_values():
    """What is not text is shown as JSON on one line, whatever it is."""
    assert value_line({"é": [1, None]}) == '{"é": [1, null]}'
    assert value_line({1, 2}).startswith('"{1')
    assert value_line("[1]\n") == "[1]"


def test_half_characters_become_writable():
    """A lone surrogate, which UTF-8 has no bytes for, is replaced; pairs are joined."""
    assert without_surrogates("a\ud800b \ud83d\ude00") == "a\ufffdb 😀"
