"""The verdict on an exception that one attempt raised."""

from __future__ import annotations

import sys
from typing import NamedTuple

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


class Failure(NamedTuple):
    """The error to raise in the end, and what to do before that."""

    error: Exception
    verdict: Verdict


class Refused(Exception):  # noqa: N818 - carries a judged answer from transport to retry loop; never leaves it
    """An answer whose status is no success, already judged."""

    def __init__(self, error: RequestError, verdict: Verdict) -> None:
        super().__init__(str(error))
        self.error = error
        self.verdict = verdict


def verdict_on(error: Exception) -> Failure:
    """Return what `error` means: ours as their class says, those of sockets and of the SDK as ours.

    An exception of another origin is not tried again.
    """
    if isinstance(error, Refused):
        return Failure(error.error, error.verdict)
    if isinstance(error, (ServerError, BadAnswerError, ConnectionFailedError, RequestTimeoutError)):
        return Failure(error, TRANSIENT)
    if isinstance(error, (RateLimitError, OverloadedError)):
        return Failure(error, Verdict(Kind.THROTTLED))
    if isinstance(error, TimeoutError):
        return Failure(RequestTimeoutError(f"no answer in time: {error or 'timeout'}"), TRANSIENT)
    if isinstance(error, ConnectionError):
        return Failure(ConnectionFailedError(f"the connection broke: {error}"), TRANSIENT)
    if "openai" in sys.modules:  # its exceptions can only be here if somebody imported it
        from nemo_sdg.client.sdk_errors import from_sdk_error  # noqa: PLC0415

        ours = from_sdk_error(error)
        if ours is not None:
            return verdict_on(ours)
    return Failure(error, NO)
