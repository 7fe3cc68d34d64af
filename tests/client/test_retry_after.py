from __future__ import annotations

import os
import time
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client.error_body import ErrorBody
from nemo_sdg.client.retry_after import LONGEST_WAIT, retry_after, wait_for_reset, wait_in_error

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-4"}, 0),
        ({"retry-after": "1e99"}, LONGEST_WAIT),
        ({"retry-after": "inf"}, LONGEST_WAIT),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "60", "rate_limit_type": "max_parallel_requests"}, None),
        ({"retry-after": "60", "rate_limit_type": "requests"}, 60),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after-ms": "-1"}, 0),
        ({"retry-after": "6m0s"}, 360),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT"}, 30),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 -0000"}, 30),
        ({"retry-after": "Sun Nov  6 08:50:07 1994"}, 30),
        ({"retry-after": "Sunday, 06-Nov-94 08:50:07 GMT"}, 30),
        ({"retry-after": "Sun, 06 Nov 1994 08:00:00 GMT"}, 0),
        ({"retry-after": "Sun, 06 Nov 9994 08:00:00 GMT"}, LONGEST_WAIT),
        ({"retry-after": "Sun, 99 Nov 1994 08:00:00 GMT"}, None),
    ],
)
def test_forms(headers, seconds):
    """Seconds, milliseconds and all three forms of HTTP dates are read, whatever the zone here is."""
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    try:
        found = retry_after(headers, NOW)
    finally:
        os.environ.pop("TZ")
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()

    assert found == (None if seconds is None else pytest.approx(seconds))


def test_date_is_held_against_the_clock():
    """Without a given time a date is measured from now."""
    assert 50 < retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) <= 60


DATES = st.from_regex(
    r"\A[A-Z][a-z]{2}, ?[0-9]{1,4}[ -][A-Z][a-z]{2}[ -][0-9]{1,6} [0-9:]{1,9} ?[A-Z+-]?[0-9]{0,9}\Z"
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms"]), st.text() | DATES | st.floats().map(str)
    )
)
def test_anything(headers):
    """Whatever a server sends, the answer is None or from 0 to LONGEST_WAIT seconds."""
    seconds = retry_after(headers)

    assert seconds is None or 0 <= seconds <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        (
            "Limit 10000, Used 8554, Requested 3082. Please try again in 9.816s. Visit https://x.example.",
            9.816,
        ),
        ("Limit 30000, Used 29937, Requested 385. Please try again in 644ms.", 0.644),
        ("Please try again in 6m0s.", 360),
        ("Please try again in 1m26.4s. Need more tokens?", 86.4),
        ("You exceeded your current quota... Please retry in 53.016342224s.", 53.016342224),
        ("Please retry in 8h24m7s", LONGEST_WAIT),
        ("have exceeded token rate limit. Please retry after 20 seconds. Please go here: x", 20),
        ("Please retry after 1 second.", 1),
        ("please Retry After 45 Seconds", 45),
        ("Please try again later.", None),
        ("Please try again in a few seconds.", None),
        ("Please try again in 20.", None),
        ("Please try again in 20 sheep.", None),
        ("Please try again in 5minutesold", None),
        ("The limit is 20 seconds a request, a rate of 60 per 60s.", None),
        ("I will retry within 20s", None),
        ("x" * 4000 + " Please try again in 1s", None),
        ("", None),
    ],
)
def test_message(message, seconds):
    """A duration after one of the known phrases is the wait; no other number is."""
    assert wait_in_error(ErrorBody(message, set(), {})) == (
        None if seconds is None else pytest.approx(seconds)
    )


@pytest.mark.parametrize(
    ("details", "seconds"),
    [
        ([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}], 17),
        ([{"@type": "type.googleapis.com/google.rpc.Help"}, {"retryDelay": "17.5s"}], 17.5),
        ([{"retryDelay": "86400s"}], LONGEST_WAIT),
        ([{"retryDelay": 17}, {"retryDelay": "soon"}, 5, None], 9),
        ("retryDelay: 17s", 9),
        ({"retryDelay": "17s"}, 9),
        (None, 9),
    ],
)
def test_details(details, seconds):
    """Google's RetryInfo goes before what the message says."""
    assert wait_in_error(ErrorBody("Please retry in 9s.", set(), {"details": details})) == seconds


def limits(**resets):
    """Return the headers of limits of which nothing remains until so many seconds have gone."""
    return {
        f"x-ratelimit-{name}-{kind}": value
        for kind, reset in resets.items()
        for name, value in {"limit": "10", "remaining": "0", "reset": reset}.items()
    }


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        (limits(requests="7s"), {}, 7),
        (limits(requests="7s", tokens="5s"), {}, 5),
        ({**limits(requests="7s", tokens="5s"), "x-ratelimit-remaining-tokens": "1"}, {}, 7),
        (limits(requests="2m0s"), {}, 120),
        (limits(requests="121s"), {}, None),
        (limits(requests="24h", tokens="5s"), {}, 5),
        (limits(requests="0s"), {}, None),
        ({}, {"metadata": {"headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"}}}, 20),
        ({}, {"metadata": {"headers": {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "20"}}}, None),
        ({}, {"metadata": {"headers": [1]}}, None),
        ({}, {"metadata": 5}, None),
        ({}, {}, None),
    ],
)
def test_reset(headers, error, seconds):
    """The wait is for the first limit of which nothing remains, unless it takes over two minutes."""
    assert wait_for_reset(headers, ErrorBody("", set(), error)) == seconds


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text() | st.from_regex(r"(try again|retry) (in|after) [0-9.]{1,20} ?(ms|m|h|s|seconds?|d){0,3}"))
def test_any_message(message):
    """Whatever a message holds, the wait is None or from 0 to LONGEST_WAIT seconds."""
    for error in ({}, {"details": [{"retryDelay": message}]}):
        seconds = wait_in_error(ErrorBody(message, set(), error))

        assert seconds is None or 0 <= seconds <= LONGEST_WAIT
