from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.limits.durations import duration, seconds_until

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1),
        ("0.5", 0.5),
        (" 20 ", 20),
        ("0", 0),
        ("12ms", 0.012),
        ("7.66s", 7.66),
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("1h2m3.5s", 3723.5),
        ("1d2h", 93_600),
        ("1m26.4s", 86.4),
        ("1m500ms", 60.5),
        ("300us", 300e-6),
        ("300\N{MICRO SIGN}s", 300e-6),
        ("40ns", 40e-9),
        ("20 seconds", 20),
        ("1 Second", 1),
        ("2 minutes and 5 seconds", 125),
        ("1 hour, 3 minutes", 3780),
        ("250 milliseconds", 0.25),
        ("", None),
        ("s", None),
        ("soon", None),
        ("-1", None),
        ("-1s", None),
        ("nan", None),
        ("inf", None),
        ("infs", None),
        ("5x", None),
        ("1m5", None),
        ("1m" * 40, None),
        ("9" * 5000, None),
    ],
)
def test_duration(text, seconds):
    """Seconds, what Go prints, and words are read; nothing else is."""
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("1700000030", 30),
        ("1700000030.5", 30.5),
        ("1700000030000", 30),
        ("1699999999", 0),
        ("1e99", None),
        ("2023-11-14T22:13:50Z", 30),
        ("2023-11-14T22:13:50.250Z", 30.25),
        ("2023-11-14T22:13:50.123456789Z", 30.123456),
        ("2023-11-14T23:13:50+01:00", 30),
        ("2023-11-14T22:13:50", 30),
        ("2023-11-14T22:00:00Z", 0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30),
        ("2023-99-14T22:13:50Z", None),
        ("Tue, 99 Nov 2023 22:13:50 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_moment(text, seconds):
    """Unix time in seconds and milliseconds, RFC 3339 and HTTP dates are held against the given time."""
    assert seconds_until(text, NOW) == (None if seconds is None else pytest.approx(seconds))


def test_moment_is_held_against_the_clock():
    """Without a given time a moment is measured from now."""
    assert 50 < seconds_until(formatdate(time.time() + 60, usegmt=True)) <= 60
    assert 50 < seconds_until(str(time.time() + 60)) <= 60


PIECES = st.sampled_from(["1", "0.5", "m", "s", "ms", "h", "d", " ", "-", "T", "Z", ":", "2026", "nan", "e9"])


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.text() | st.lists(PIECES).map("".join) | st.floats().map(str))
def test_anything(text):
    """Whatever the text, the answer is None or a finite number of seconds from 0 up."""
    for seconds in (duration(text), seconds_until(text, NOW)):
        assert seconds is None or 0 <= seconds < float("inf")
