"""What an unsuccessful HTTP answer means: which error it is, and whether to try again. No I/O.

Decided by status, headers and the error's own type and code, never by searching its text for words such as
"rate". The message's text is only shown, except for what has no code of its own: a prompt that is too long,
an empty account at Anthropic, and how long to wait.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.client.error_body import ErrorBody, read_error
from nemo_sdg.client.exhausted import exhausted_account
from nemo_sdg.client.retry_after import retry_after, wait_for_reset, wait_in_error
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.errors import (
    AuthenticationError,
    BadAnswerError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    ModelNotFoundError,
    OverloadedError,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    ServerError,
    UnreachableError,
)
from nemo_sdg.limits import NO, TRANSIENT, Kind, Verdict
from nemo_sdg.redact import without_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|max_model_len|maximum context|too many tokens"
    r"|(prompt|input) is too long|input token count",
    re.IGNORECASE,
)
_TOO_LONG_NAMES = {"context_length_exceeded", "exceed_context_size_error"}
_FILTERED = {
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "data_inspection_failed",
}
_PATHS = re.compile(r"(/chat/completions|/completions|/models)?/*([?#].*)?$")  # what we add to base_url
_FULL = (429, 503, 529)  # the endpoint has no room; 529 is Anthropic's


class Refusal(NamedTuple):
    """The error to raise in the end, and what to do before that."""

    error: RequestError
    verdict: Verdict


def read_refusal(
    status: int, headers: Mapping[str, str], body: bytes | ErrorBody, *, proven: bool = False
) -> Refusal:
    """Return what an answer with `status` outside 200 to 299 means.

    `proven` says that the endpoint has completed a request of this client before: then a 403 or 405 is about
    this request, otherwise about all of them.
    """
    detail = read_error(body) if isinstance(body, bytes) else body
    said = f"{status}: {detail.message}" if detail.message else str(status)
    request_id = shown(headers.get("x-request-id", "")) or None

    def refusal(kind: type[RequestError], message: str, verdict: Verdict) -> Refusal:
        return Refusal(kind(message, status=status, request_id=request_id), verdict)

    exhausted = exhausted_account(status, detail, said)
    if exhausted:
        return refusal(QuotaExhaustedError, exhausted, NO)
    again = headers.get("x-should-retry")
    after = _wait(status, headers, detail)
    throttled = NO if again == "false" else Verdict(Kind.THROTTLED, after)
    if status == 429:  # noqa: PLR2004
        return refusal(
            RateLimitError,
            f"the endpoint's rate limit was reached ({said}): lower max_concurrent_requests or workers",
            throttled,
        )
    if status in _FULL:
        return refusal(
            OverloadedError,
            f"the server is overloaded ({said}): lower max_concurrent_requests or workers",
            throttled,
        )
    if status == 407:  # noqa: PLR2004
        return refusal(
            AuthenticationError,
            f"the proxy wants a user and password ({said}): put them into HTTPS_PROXY or HTTP_PROXY, "
            "or name the endpoint's host in NO_PROXY",
            NO,
        )
    if status == 401 or (status == 403 and not proven):  # noqa: PLR2004
        return refusal(
            AuthenticationError,
            f"the endpoint does not accept the API key ({said}): check it, and that it may use this model",
            NO,
        )
    if status == 404:  # noqa: PLR2004
        what = (
            f"the endpoint does not know the model ({said}): check model"
            if detail.is_openai
            else f"the endpoint has nothing at this URL ({said}): check base_url, which mostly ends in /v1"
        )
        return refusal(ModelNotFoundError, what, NO)
    if status in (408, 409, 425) or status >= 500:  # noqa: PLR2004
        verdict = NO if again == "false" else Verdict(Kind.TRANSIENT, after)
        return refusal(ServerError, f"the server failed ({said}): {LOOK}", verdict)
    if 300 <= status < 400 or (status == 405 and not proven):  # noqa: PLR2004
        return refusal(UnreachableError, _elsewhere(status, headers, said), NO)
    return refusal(*_of_request(status, detail, said, again=again == "true"))


def _of_request(
    status: int, detail: ErrorBody, said: str, *, again: bool
) -> tuple[type[RequestError], str, Verdict]:
    """Return the kind, message and verdict of a refusal that is about one request."""
    if status < 200:  # noqa: PLR2004 - no final answer has such a status
        return BadAnswerError, f"the server answers with status {status}: check base_url", TRANSIENT
    if detail.names & _FILTERED:
        why = f"the server's content filter refuses the prompt ({said}{_filters(detail)}): change the prompt"
        return ContentFilterError, why, NO
    if detail.names & _TOO_LONG_NAMES or _TOO_LONG.search(detail.message):
        why = f"the request is too long for the model ({said}): shorten the prompt, or lower max_tokens"
        return ContextLengthError, why, NO
    why = f"the server refuses the request ({said}): check the prompt and the generation parameters"
    return BadRequestError, why, TRANSIENT if again else NO


def _filters(detail: ErrorBody) -> str:
    """Return which of Azure's filters have found something."""
    inner = detail.error.get("innererror")
    results = inner.get("content_filter_result") if isinstance(inner, dict) else None
    found = [
        shown(name, 40)
        for name, result in (results.items() if isinstance(results, dict) else ())
        if isinstance(result, dict) and result.get("filtered") is True
    ]
    return f"; filtered for {', '.join(found[:5])}" if found else ""


def _elsewhere(status: int, headers: Mapping[str, str], said: str) -> str:
    if status >= 400:  # noqa: PLR2004
        return (
            f"the endpoint takes no requests at this URL ({said}): check base_url, which mostly ends in /v1"
        )
    target = shown(without_credentials(_PATHS.sub("", headers.get("location", "nowhere"))))
    place = "the path of base_url" if target.startswith("/") else "base_url"
    return f"the endpoint redirects ({status}) to {target}: use that as {place}"


def _wait(status: int, headers: Mapping[str, str], detail: ErrorBody) -> float | None:
    after = retry_after(headers)
    if after is None and status in _FULL:
        after = wait_in_error(detail)
    if after is None and status == 429:  # noqa: PLR2004
        after = wait_for_reset(headers, detail)
    return after
