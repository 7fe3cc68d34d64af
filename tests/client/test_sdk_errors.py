from __future__ import annotations

import httpx2
import openai
import pytest
from openai import _exceptions, _response
from openai.lib import _old_api, azure

from nemo_sdg import errors
from nemo_sdg.client.failure import verdict_on
from nemo_sdg.client.sdk_errors import from_sdk_error
from nemo_sdg.limits import NO, TRANSIENT, Kind

REQUEST = httpx2.Request("POST", "http://localhost/v1/chat/completions")
BY_STATUS = {
    openai.BadRequestError: (400, errors.BadRequestError, Kind.NO),
    openai.AuthenticationError: (401, errors.AuthenticationError, Kind.NO),
    openai.OAuthError: (401, errors.AuthenticationError, Kind.NO),
    openai.PermissionDeniedError: (403, errors.AuthenticationError, Kind.NO),
    openai.NotFoundError: (404, errors.ModelNotFoundError, Kind.NO),
    openai.ConflictError: (409, errors.ServerError, Kind.TRANSIENT),
    openai.UnprocessableEntityError: (422, errors.BadRequestError, Kind.NO),
    openai.RateLimitError: (429, errors.RateLimitError, Kind.THROTTLED),
    openai.InternalServerError: (500, errors.ServerError, Kind.TRANSIENT),
    openai.APIStatusError: (503, errors.OverloadedError, Kind.THROTTLED),
}
OTHERS = {
    openai.OpenAIError("Missing credentials."): (errors.ConfigError, NO),
    openai.APIError("x", REQUEST, body=None): (errors.ServerError, TRANSIENT),
    openai.APIConnectionError(request=REQUEST): (errors.ConnectionFailedError, TRANSIENT),
    openai.APITimeoutError(REQUEST): (errors.RequestTimeoutError, TRANSIENT),
    openai.APIResponseValidationError(httpx2.Response(200, request=REQUEST), None): (
        errors.BadAnswerError,
        TRANSIENT,
    ),
    openai.LengthFinishReasonError(completion=openai.types.chat.ChatCompletion.construct(usage=None)): (
        errors.BadRequestError,
        NO,
    ),
    openai.ContentFilterFinishReasonError(): (errors.BadRequestError, NO),
    _exceptions.SubjectTokenProviderError("x"): (errors.ConfigError, NO),
    openai.WebSocketConnectionClosedError("x", unsent_messages=[]): (errors.ConnectionFailedError, TRANSIENT),
    openai.WebSocketQueueFullError("x"): (errors.ConfigError, NO),
    _response.StreamAlreadyConsumed(): (errors.ConfigError, NO),
    azure.MutuallyExclusiveAuthError(): (errors.ConfigError, NO),
    _old_api.APIRemovedInV1(symbol="x"): (errors.ConfigError, NO),
}


def below(kind):
    """Yield a class and all that derive from it, as the SDK ships them."""
    if kind.__module__.partition(".")[0] == "openai" and not kind.__name__.startswith("_"):
        yield kind
    for each in kind.__subclasses__():
        yield from below(each)


def test_every_class_is_in_a_table():
    """No exception of the SDK is missing from these tests."""
    assert set(below(openai.OpenAIError)) == {*BY_STATUS, *map(type, OTHERS)}


@pytest.mark.parametrize("kind", BY_STATUS)
def test_by_status(kind):
    """An error with an answer is judged by its status and headers, with the server's message."""
    status, ours, verdict = BY_STATUS[kind]
    response = httpx2.Response(
        status,
        headers={"retry-after": "7", "x-request-id": "r"},
        json={"error": {"message": "Because.", "code": "c"}},
        request=REQUEST,
    )
    extra = {} if kind is openai.OAuthError else {"message": "m"}
    error, judged = verdict_on(kind(response=response, body=None, **extra))[:2]

    assert type(error) is ours
    assert judged.kind is verdict
    assert judged.after == (None if verdict is Kind.NO else 7)
    assert "Because." in str(error)
    assert (error.status, error.request_id) == (status, "r")


@pytest.mark.parametrize("error", OTHERS, ids=lambda error: type(error).__name__)
def test_without_an_answer(error):
    """Each other error is one of ours with its verdict."""
    ours, verdict = verdict_on(error)[:2]

    assert (type(ours), verdict) == OTHERS[error]


def test_an_answer_that_was_not_read():
    """Of a streamed answer that nobody read, the SDK's own message is shown."""
    response = httpx2.Response(500, stream=httpx2.ByteStream(b""), request=REQUEST)
    ours, _ = verdict_on(openai.InternalServerError("from the SDK", response=response, body=None))[:2]

    assert "from the SDK" in str(ours)


def test_others_are_not_ours():
    """An exception that is not the SDK's is left alone."""
    assert from_sdk_error(ValueError("x")) is None
