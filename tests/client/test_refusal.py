from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    ModelNotFoundError,
    OverloadedError,
    QuotaExhaustedError,
    RateLimitError,
    ServerError,
    UnreachableError,
)
from nemo_sdg.limits import NO, TRANSIENT, Kind, Verdict

THROTTLED = Verdict(Kind.THROTTLED)
BY_STATUS = {
    **dict.fromkeys(range(300, 400), (UnreachableError, NO)),
    **dict.fromkeys(range(400, 500), (BadRequestError, NO)),
    **dict.fromkeys(range(500, 600), (ServerError, TRANSIENT)),
    401: (AuthenticationError, NO),
    402: (QuotaExhaustedError, NO),
    403: (AuthenticationError, NO),
    404: (ModelNotFoundError, NO),
    405: (UnreachableError, NO),
    407: (AuthenticationError, NO),
    408: (ServerError, TRANSIENT),
    409: (ServerError, TRANSIENT),
    425: (ServerError, TRANSIENT),
    429: (RateLimitError, THROTTLED),
    503: (OverloadedError, THROTTLED),
    529: (OverloadedError, THROTTLED),
}


def error_body(message, kind="BadRequestError", code=400):
    """Return an error as OpenAI-compatible servers send it."""
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()


@pytest.mark.parametrize("status", BY_STATUS)
def test_every_status(status):
    """Each status has its error, which names it and the request, and its verdict."""
    error, verdict = read_refusal(status, {"x-request-id": "r-1"}, error_body("Because."))

    assert (type(error), verdict) == BY_STATUS[status]
    assert (error.status, error.request_id) == (status, "r-1")
    assert str(status) in str(error)
    assert "Because." in str(error) or status < 400


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            error_body("max_tokens=5000 cannot be greater than max_model_len=1024.", "BadRequestError", 400),
            ContextLengthError,
        ),
        (error_body("This model's maximum context length is 1024 tokens."), ContextLengthError),
        (error_body("Too long.", "invalid_request_error", "context_length_exceeded"), ContextLengthError),
        (error_body("temperature must be in [0, 2], got 5.0."), BadRequestError),
        (error_body("1 validation error: {'type': 'int_parsing'}", "Bad Request"), BadRequestError),
        (error_body("failed to generate at this rate, rate limit, overloaded, timeout"), BadRequestError),
    ],
)
def test_bad_requests_of_vllm(body, kind):
    """A prompt that is too long is told from other bad requests; neither is tried again."""
    error, verdict = read_refusal(400, {}, body)

    assert (type(error), verdict) == (kind, NO)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (
            error_body("The model `nope` does not exist. Valid aliases: tiny.", "NotFoundError", 404),
            "check model",
        ),
        (b'{"object":"error","message":"No model.","type":"NotFoundError","code":404}', "check model"),
        (b'{"detail":"Not Found"}', "check base_url"),
        (b"<html><body>nginx</body></html>", "check base_url"),
        (b"", "check base_url"),
    ],
)
def test_not_found(body, named):
    """A missing model and a wrong path are told apart, so that the remedy fits."""
    error, _ = read_refusal(404, {}, body)

    assert named in str(error)


@pytest.mark.parametrize(
    ("status", "headers", "verdict"),
    [
        (429, {"retry-after": "2"}, Verdict(Kind.THROTTLED, 2)),
        (503, {"retry-after-ms": "20"}, Verdict(Kind.THROTTLED, 0.02)),
        (529, {}, THROTTLED),
        (500, {"retry-after": "2"}, Verdict(Kind.TRANSIENT, 2)),
        (429, {"x-should-retry": "false"}, NO),
        (500, {"x-should-retry": "false"}, NO),
        (503, {"x-should-retry": "true"}, THROTTLED),
        (400, {"x-should-retry": "true"}, TRANSIENT),
    ],
)
def test_headers(status, headers, verdict):
    """Retry-After gives the wait; x-should-retry overrides the status."""
    assert read_refusal(status, headers, b"").verdict == verdict


@pytest.mark.parametrize(
    ("status", "headers", "message", "after"),
    [
        (429, {}, "Please try again in 17.3s.", 17.3),
        (429, {"retry-after": "2"}, "Please try again in 17.3s.", 2),
        (429, {"retry-after": "soon"}, "Please try again in 17.3s.", 17.3),
        (429, {}, "x" * 400 + " Please try again in 17.3s.", 17.3),
        (503, {}, "Please retry after 20 seconds.", 20),
        (529, {}, "Overloaded", None),
        (
            429,
            {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9"},
            "Please retry in 5s",
            5,
        ),
        (429, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9"}, "", 9),
        (429, {"x-ratelimit-remaining-tokens": "1", "x-ratelimit-reset-tokens": "9"}, "", None),
        (503, {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "9"}, "", None),
    ],
)
def test_wait(status, headers, message, after):
    """Retry-After goes before what the error says, and that before the reset of a limit that is used up."""
    assert read_refusal(status, headers, error_body(message)).verdict == Verdict(Kind.THROTTLED, after)


def test_failure_has_no_wait_in_words():
    """The words of an error that is no throttle name no wait."""
    assert read_refusal(500, {}, error_body("Please try again in 17.3s.")).verdict == TRANSIENT


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [(429, "rate_limit_error", RateLimitError), (529, "overloaded_error", OverloadedError)],
)
def test_throttles_of_anthropic(status, kind, error):
    """Anthropic's rate limit and overload are throttles."""
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "Overloaded"}}).encode()
    found, verdict = read_refusal(status, {}, body)

    assert (type(found), verdict) == (error, THROTTLED)


@pytest.mark.parametrize("status", BY_STATUS)
def test_of_an_endpoint_that_completed_before(status):
    """There, 403 (moderation, a firewall) and 405 are about one request; all others mean the same."""
    error, verdict = read_refusal(status, {}, error_body("Because."), proven=True)

    assert (type(error), verdict) == ((BadRequestError, NO) if status in (403, 405) else BY_STATUS[status])


@pytest.mark.parametrize(
    ("location", "base_url"),
    [
        ("https://a.example/v1/chat/completions", "https://a.example/v1"),
        ("https://a.example/v1/completions/", "https://a.example/v1"),
        ("https://a.example/v1/models?limit=1", "https://a.example/v1"),
        ("https://a.example/login?next=/models#x", "https://a.example/login"),
        ("https://a.example/", "https://a.example"),
    ],
)
def test_redirect_as_base_url(location, base_url):
    """The target is named without what we add to a base_url, so that it can be used as it is."""
    assert f"to {base_url}: use that" in str(read_refusal(301, {"location": location}, b"").error)


def test_redirect_names_its_target():
    """A redirect is not followed, since it would take the key elsewhere; its target is named."""
    error, _ = read_refusal(307, {"location": "https://elsewhere.example/v1"}, b"")

    assert "https://elsewhere.example/v1: use that as base_url" in str(error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html><body>  Bad\n gateway </body></html>", "(502: Bad gateway)"),
        (b'{"error":"just a text"}', "(502: just a text)"),
        (b'{"error":null}', "(502)"),
        (b'{"detail":[{"loc":["body"]}]}', "(502: [{'loc': ['body']}])"),
        (b"\xff\xfe", "(502: \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER})"),
        (b"[" * 5000, "(502: [[["),
    ],
)
def test_what_is_shown(body, said):
    """What the server said is shown in a short form, whatever form it had."""
    message = str(read_refusal(502, {}, body).error)

    assert said in message
    assert len(message) < 400


INNER = ["details", "violations", "quotaId", "retryDelay", "metadata", "headers"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "type", "code", *INNER]) | st.text(), inner
        )
    ),
    max_leaves=8,
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.integers(300, 599),
    st.dictionaries(
        st.sampled_from(["retry-after", "x-should-retry", "location", "x-request-id"]), st.text()
    ),
    st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_any_body(status, headers, body):
    """Whatever came with a status, its error is the one of the table, or one that the table's includes."""
    error = read_refusal(status, headers, body).error

    assert isinstance(error, BY_STATUS[status][0])
