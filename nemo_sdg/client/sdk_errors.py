"""The OpenAI SDK's exceptions as ours."""

from __future__ import annotations

import openai

from nemo_sdg.client.certificates import certificate_error, certificate_failure
from nemo_sdg.client.failure import Refused
from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.errors import (
    BadAnswerError,
    BadRequestError,
    ConfigError,
    ConnectionFailedError,
    NoConnectionError,
    RequestTimeoutError,
    ServerError,
    UnreachableError,
)

_CONNECTION = (
    openai.APIConnectionError,
    getattr(openai, "WebSocketConnectionClosedError", openai.APIConnectionError),  # not in every SDK
)

_NOT_CONNECTED = ("ConnectError", "ConnectTimeout")
"""Of httpx, by name, for the SDK may bring another one of the same kind."""


def from_sdk_error(error: Exception) -> Exception | None:
    """Return our exception for one of the SDK's, with the verdict of its status; None for any other."""
    return ours_for(error) if isinstance(error, openai.OpenAIError) else None


def ours_for(error: openai.OpenAIError) -> Exception:
    """Return our exception for `error`."""
    if isinstance(error, openai.APIStatusError):
        return Refused(*read_refusal(error.response.status_code, error.response.headers, body_of(error)))
    if isinstance(error, _CONNECTION):
        return _of_connection(error)
    if isinstance(error, openai.APIResponseValidationError):
        return BadAnswerError(
            f"the answer is not what the SDK expects: {shown(error)}", status=error.status_code
        )
    if isinstance(error, openai.APIError):  # what it raises for an error amid a stream
        return ServerError(f"the server answered with an error ({shown(error)}): {LOOK}")
    if isinstance(error, (openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError)):
        return BadRequestError(f"the SDK could not use the answer: {error}")
    return ConfigError(f"the SDK cannot be used as it is set up: {error}")


def _of_connection(error: openai.OpenAIError) -> Exception:
    certificate = certificate_failure(error)
    if certificate is not None:
        request = getattr(error, "request", None)
        return certificate_error(certificate, getattr(getattr(request, "url", None), "host", "the endpoint"))
    cause = error.__cause__ or error
    if type(cause).__name__ == "TooManyRedirects":
        return UnreachableError("the endpoint redirects without end: check base_url")
    if type(cause).__name__ in _NOT_CONNECTED:
        return NoConnectionError(f"no connection: {shown(cause)}")
    if isinstance(error, openai.APITimeoutError):
        # On its aiohttp client the SDK reports a refused or dropped connection as a time-out as well.
        return RequestTimeoutError(f"no answer in time, or no connection ({shown(error)}): raise timeout")
    return ConnectionFailedError(f"no connection, or it broke ({shown(cause)}): {LOOK}")


def body_of(error: openai.APIStatusError) -> bytes:
    """Return the body that came with `error`."""
    try:
        return error.response.content
    except Exception:  # noqa: BLE001 - a streamed answer that was not read has no content
        return str(error).encode()
