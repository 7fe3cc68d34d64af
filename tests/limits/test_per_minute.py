from __future__ import annotations

import pytest

from nemo_sdg.limits.per_minute import HINTED, MINUTE, SECOND, UNKNOWN, seen_limit


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "period", "seen"),
    [
        ("600", "599", "12ms", HINTED, 600),
        ("600", "0", "61", HINTED, 600),
        ("600", "599", None, HINTED, 600),
        ("14400", "14370", "2m59.56s", HINTED, None),
        ("14400", "481", "86000", HINTED, None),
        ("14400", "480", "83520", HINTED, 10),
        ("20", "2", "3600", HINTED, None),
        ("20", "1", "1140", HINTED, 1),
        ("20", "0", "3600s", MINUTE, 20),
        ("10", "8", "1", SECOND, 600),
        ("40", "8", "1", 10.0, 240),
        ("1440", "1000", "100", 86400.0, None),
        ("1440", "0", "100", 86400.0, 1),
        ("600", "599", "30", UNKNOWN, 600),
        ("600", "599", "1", UNKNOWN, None),
        ("600", "599", None, UNKNOWN, None),
        ("600", "599", "3600", UNKNOWN, None),
    ],
)
def test_limit(limit, remaining, reset, period, seen):
    """A limit of a day is none of a minute; once it is nearly used up, what counts is how fast more comes."""
    found = seen_limit(limit, remaining, reset, period)

    assert found.limit == (None if seen is None else pytest.approx(seen))
    assert found.remaining == (None if remaining is None else float(remaining))


@pytest.mark.parametrize(
    ("limit", "remaining", "seen"),
    [
        (None, None, None),
        ("0", "0", None),
        ("-1", "-1", None),
        ("-1", "5", None),
        ("", "5", None),
        ("unlimited", "0", None),
        ("nan", "5", None),
        ("inf", "5", None),
        ("2147483647", "5", None),
        ("9223372036854775807", "5", None),
        ("2000000000", "5", (2e9, 5, None)),
        ("60", "-1", (60, None, None)),
        ("60", "", (60, None, None)),
        ("60", "nan", (60, None, None)),
        (None, "5", (None, 5, None)),
        (None, "nan", None),
        ("60", None, (60, None, None)),
    ],
)
def test_what_cannot_be_meant(limit, remaining, seen):
    """What is no limit is left out, and what is said to remain of it as well."""
    assert seen_limit(limit, remaining, None, MINUTE) == seen


def test_nothing_left_to_tell():
    """A limit of a day alone, with nothing of what remains, tells nothing."""
    assert seen_limit("20", None, "1140", HINTED) is None
