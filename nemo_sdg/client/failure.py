"""The verdict on an exception that one attempt raised."""

from __future__ import annotations

import sys

from nemo_sdg.errors import (
    BadAnswerError,
    ConnectionFailedError,
    OverloadedError,
    RateLimitError,
    RequestError,
    RequestTimeoutError,
    ServerError,
)
from nemo_sdg.limits import NO, TRANSIENT, Kind, Verdict


class Refused(Exception):  # noqa: N818 - carries a judged answer from transport to retry loop; never leaves it
    """An answer whose status is no success, already judged."""

    def __init__(self, error: RequestError, verdict: Verdict) -> None:
        super().__init__(str(error))
        self.error = error
        self.verdict = verdict


def verdict_on(error: Exception) -> tuple[Exception, Verdict]:
    """Return the error to raise in the end, and what to do before that.

    Errors of ours are judged by their class; those of sockets and of the SDK become ours. An exception of
    another origin is not tried again.
    """
    if isinstance(error, Refused):
        return error.error, error.verdict
    if isinstance(error, (ServerError, BadAnswerError, ConnectionFailedError, RequestTimeoutError)):
        return error, TRANSIENT
    if isinstance(error, (RateLimitError, OverloadedError)):
        return error, Verdict(Kind.THROTTLED)
    if isinstance(error, TimeoutError):
        return RequestTimeoutError(f"no answer in time: {error or 'timeout'}"), TRANSIENT
    if isinstance(error, ConnectionError):
        return ConnectionFailedError(f"the connection broke: {error}"), TRANSIENT
    if "openai" in sys.modules:  # its exceptions can only be here if somebody imported it
        from nemo_sdg.client.sdk_errors import from_sdk_error  # noqa: PLC0415

        ours = from_sdk_error(error)
        if ours is not None:
            return verdict_on(ours)
    return error, NO
