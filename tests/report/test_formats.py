from __future__ import annotations

import pytest

from nemo_sdg.report.formats import duration, money, number, plural, rate, share, short


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-1, "0 s"),
        (0.0001, "1 ms"),
        (0.84, "840 ms"),
        (0.9996, "1.0 s"),
        (9.96, "10 s"),
        (59.7, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (97_200, "1 d 3 h"),
    ],
)
def test_duration(seconds, text):
    """A length of time shows its two largest units, and rounding never gives 60 of one."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12_345, "12,345"), (999_999.7, "1.0 M"), (1_234_567, "1.2 M"), (999_960_000, "1.0 B")],
)
def test_short(value, text):
    """Large numbers are shown in millions and thousands of millions, without a 1000.0 between."""
    assert short(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "-"),
        (0, 10, "0 %"),
        (1, 100_000, "<0.1 %"),
        (15, 1000, "1.5 %"),
        (1, 3, "33 %"),
        (99_999, 100_000, ">99.9 %"),
        (10, 10, "100 %"),
    ],
)
def test_share(part, whole, text):
    """0 % and 100 % are said only of none and all."""
    assert share(part, whole) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0/s"), (0.05, "0.05/s"), (12.34, "12.3/s"), (4210.4, "4,210/s"), (2.5e6, "2.5 M/s")],
)
def test_rate(value, text):
    """A rate has as many digits as mean something."""
    assert rate(value) == text


def test_numbers():
    """Thousands are set apart, and one thing is not called things."""
    assert number(1_234_567) == "1,234,567"
    assert plural(1, "row") == "1 row"
    assert plural(0, "row") == "0 rows"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"),
        (1e-9, "<0.000001"),
        (0.0000012345, "0.000001234"),
        (0.0123, "0.0123"),
        (0.0123456, "0.01235"),
        (0.05, "0.05"),
        (0.5, "0.50"),
        (0.9999, "0.9999"),
        (0.99999, "1.00"),
        (4.56, "4.56"),
        (1234.561, "1,234.56"),
    ],
)
def test_money(value, text):
    """Money has two digits after the point, and up to four that count where it is less than 1."""
    assert money(value) == text
