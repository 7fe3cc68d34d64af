from __future__ import annotations

import json

import pytest

from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.errors import BadRequestError, FatalRequestError, QuotaExhaustedError, RateLimitError
from nemo_sdg.limits import NO, Kind, Verdict

THROTTLED = Verdict(Kind.THROTTLED)


def error_body(message, kind="BadRequestError", code=400):
    """Return an error as OpenAI-compatible servers send it."""
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"])
@pytest.mark.parametrize("field", ["kind", "code"])
def test_no_credit(code, field):
    """A 429 whose type or code says that the account is empty stops the job: waiting would not help."""
    error, verdict = read_refusal(429, {"retry-after": "1"}, error_body("Quota.", **{field: code}))

    assert isinstance(error, QuotaExhaustedError)
    assert isinstance(error, FatalRequestError)
    assert verdict == NO


def test_quota_in_the_text_only():
    """A rate limit whose text has the word quota is a throttle: text decides nothing."""
    error, verdict = read_refusal(
        429, {}, error_body("insufficient_quota for now", code="rate_limit_exceeded")
    )

    assert (type(error), verdict) == (RateLimitError, THROTTLED)


def google(
    *quotas, message="Quota exceeded for quota metric 'Requests' and limit 'per minute per project'", **more
):
    """Return a throttle as Google sends it, of the quotas of these names."""
    violations = [{"quotaMetric": "generate_requests", "quotaId": quota} for quota in quotas]
    details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations}]
    if more:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", **more})
    error = {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}
    return json.dumps([{"error": error}]).encode()


A_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
A_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"


def test_quota_of_a_minute():
    """Google's quota per minute is a throttle for as long as it says, whatever its words."""
    error, verdict = read_refusal(429, {}, google(A_MINUTE, retryDelay="17s"))

    assert (type(error), verdict) == (RateLimitError, Verdict(Kind.THROTTLED, 17))
    assert "per minute per project" in str(error)
    assert read_refusal(429, {}, google()).verdict == THROTTLED


def test_quota_of_a_day():
    """Google's quota per day stops the job, for no wait within it would help, and says what would."""
    error, verdict = read_refusal(429, {"retry-after": "1"}, google(A_MINUTE, A_DAY, retryDelay="47s"))

    assert (type(error), verdict) == (QuotaExhaustedError, NO)
    assert "run again tomorrow" in str(error)
    assert read_refusal(503, {}, google(A_DAY)).verdict == THROTTLED
    assert read_refusal(429, {}, google(A_MINUTE, message=A_DAY)).verdict == THROTTLED


LOW = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade."


@pytest.mark.parametrize(
    ("message", "kind", "error"),
    [
        (LOW, "invalid_request_error", QuotaExhaustedError),
        (LOW, "BadRequestError", BadRequestError),
        (f"The prompt has the text {LOW}", "invalid_request_error", BadRequestError),
    ],
)
def test_no_credit_at_anthropic(message, kind, error):
    """Anthropic tells of an empty account in a bad request's first words; elsewhere they mean nothing."""
    found, verdict = read_refusal(400, {}, error_body(message, kind))

    assert (type(found), verdict) == (error, NO)
