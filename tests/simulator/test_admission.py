from __future__ import annotations

import pytest

from nemo_sdg.simulator import Limits
from nemo_sdg.simulator.admission import Admission


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def admission_of(**limits):
    """Return an admission under limits, and its clock."""
    clock = Clock()
    return Admission(Limits(**limits), clock, clock), clock


def test_a_refused_request_is_charged_to_no_bucket():
    """When tokens are short, the request's own bucket is left as it was."""
    admission, _ = admission_of(requests_per_minute=600, tokens_per_minute=6000)
    assert admission.admit(100, 1) is None
    refusal = admission.admit(50, 1)

    assert refusal is not None
    assert refusal.kind == "tokens"
    assert refusal.wait == pytest.approx(0.5)
    assert "x-ratelimit-remaining-requests: 9\r\n" in admission.headers()


def test_waiting_opens_the_door():
    """After the time that the refusal names the same request is let in."""
    admission, clock = admission_of(requests_per_minute=60)
    assert admission.admit(1, 1) is None
    refusal = admission.admit(1, 1)
    assert refusal is not None
    clock.now += refusal.wait

    assert admission.admit(1, 1) is None


def test_concurrency_above_the_cap_is_refused():
    """The request that would be one too many at once is refused, and the one before it is not."""
    admission, _ = admission_of(max_concurrent=4)

    assert admission.admit(1, 4) is None
    refusal = admission.admit(1, 5)
    assert refusal is not None
    assert "concurrent" in refusal.message


def test_style_none_says_nothing():
    """A bare endpoint sends neither limits nor a time to wait."""
    admission, _ = admission_of(requests_per_minute=60, headers="none")
    admission.admit(1, 1)
    refusal = admission.admit(1, 1)

    assert refusal is not None
    assert admission.headers() + admission.retry_headers(refusal) == ""


def test_anthropic_style_has_seconds_only():
    """The Anthropic style has its own header names and no `retry-after-ms`."""
    admission, _ = admission_of(requests_per_minute=60, headers="anthropic")
    admission.admit(1, 1)
    refusal = admission.admit(1, 1)

    assert refusal is not None
    assert admission.retry_headers(refusal) == "retry-after: 1\r\n"
    assert "anthropic-ratelimit-requests-remaining: 0\r\n" in admission.headers()
    assert "x-ratelimit" not in admission.headers()
