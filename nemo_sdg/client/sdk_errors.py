"""The OpenAI SDK's exceptions as ours."""

from __future__ import annotations

import openai

from nemo_sdg.client.failure import Refused
from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.errors import BadAnswerError, ConnectionFailedError, RequestTimeoutError


def from_sdk_error(error: Exception) -> Exception | None:
    """Return our exception for one of the SDK's, with the verdict of its status; None for any other."""
    if isinstance(error, openai.APIStatusError):
        response = error.response
        try:
            body = response.content
        except Exception:  # noqa: BLE001 - a streamed answer that was not read has no content
            body = str(error).encode()
        return Refused(*read_refusal(response.status_code, response.headers, body))
    if isinstance(error, openai.APITimeoutError):
        # On its aiohttp client the SDK reports a refused or dropped connection as a time-out as well.
        return RequestTimeoutError(f"no answer in time, or no connection: {error}")
    if isinstance(error, openai.APIConnectionError):
        return ConnectionFailedError(f"no connection, or it broke: {error.__cause__ or error}")
    if isinstance(error, openai.OpenAIError):
        return BadAnswerError(f"the SDK could not use the answer: {error}")
    return None
