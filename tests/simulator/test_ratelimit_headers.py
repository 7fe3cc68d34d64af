from __future__ import annotations

import pytest

from nemo_sdg.simulator.bucket import TokenBucket
from nemo_sdg.simulator.ratelimit_headers import (
    anthropic_headers,
    openai_duration,
    openai_headers,
    retry_after_headers,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.012, "12ms"),
        (0.0001, "1ms"),
        (1, "1s"),
        (7.66, "7.66s"),
        (360, "6m0s"),
        (86.4, "1m26.4s"),
        (3600, "1h0m0s"),
        (0.9999, "1s"),
    ],
)
def test_durations_are_written_as_openai_does(seconds, text):
    """Durations read like "12ms", "7.66s", "6m0s", rounded up to a millisecond."""
    assert openai_duration(seconds) == text


def test_openai_headers_tell_limit_rest_and_reset():
    """The three lines hold the limit per minute, what is left now and when all is back."""
    bucket = TokenBucket(6000, 1.0, 0.0)
    bucket.take(40, 0.0)

    assert openai_headers("requests", bucket, 0.0) == (
        "x-ratelimit-limit-requests: 6000\r\n"
        "x-ratelimit-remaining-requests: 60\r\n"
        "x-ratelimit-reset-requests: 400ms\r\n"
    )


def test_anthropic_headers_reset_at_a_time_of_day():
    """Anthropic's reset is an RFC 3339 time, not a duration."""
    bucket = TokenBucket(60, 60.0, 0.0)
    bucket.take(30, 0.0)

    assert anthropic_headers("tokens", bucket, 0.0, 1_700_000_000.0) == (
        "anthropic-ratelimit-tokens-limit: 60\r\n"
        "anthropic-ratelimit-tokens-remaining: 30\r\n"
        "anthropic-ratelimit-tokens-reset: 2023-11-14T22:13:50.000Z\r\n"
    )


def test_a_debt_shows_as_nothing_left():
    """The rest is never negative."""
    bucket = TokenBucket(60, 1.0, 0.0)
    bucket.take(5, 0.0)

    assert "remaining-tokens: 0\r\n" in openai_headers("tokens", bucket, 0.0)


def test_retry_after_rounds_up():
    """Whole seconds never invite a client before its time; milliseconds come on demand."""
    assert retry_after_headers(0.25, milliseconds=True) == "retry-after: 1\r\nretry-after-ms: 250\r\n"
    assert retry_after_headers(1.2, milliseconds=False) == "retry-after: 2\r\n"
