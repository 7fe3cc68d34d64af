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
from nemo_sdg.limits import NO, TRANSIENT, Kind, Seen, Verdict


class Refused(Exception):  # noqa: N818 - carries a judged answer from transport to retry loop; never leaves it
    """An answer whose status is no success, already judged."""

    def __init__(self, error: RequestError, verdict: Verdict, seen: Seen | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.verdict = verdict
        self.seen = seen


class Judged(NamedTuple):
    """What one failed attempt comes to."""

    error: Exception
    """To raise in the end."""
    verdict: Verdict
    """What to do before that."""
    seen: Seen | None = None
    """What the answer, if there was one, told of the endpoint's limits."""


def verdict_on(error: Exception) -> Judged:
    """Return what `error` comes to.

    Errors of ours are judged by their class; those of sockets and of the SDK become ours. An exception of
    another origin is not tried again.
    """
    if isinstance(error, Refused):
        return Judged(error.error, error.verdict, error.seen)
    if isinstance(error, (ServerError, BadAnswerError, ConnectionFailedError, RequestTimeoutError)):
        return Judged(error, TRANSIENT)
    if isinstance(error, (RateLimitError, OverloadedError)):
        return Judged(error, Verdict(Kind.THROTTLED))
    if isinstance(error, TimeoutError):
        return Judged(RequestTimeoutError(f"no answer in time: {error or 'timeout'}"), TRANSIENT)
    if isinstance(error, ConnectionError):
        return Judged(ConnectionFailedError(f"the connection broke: {error}"), TRANSIENT)
    if "openai" in sys.modules:  # its exceptions can only be here if somebody imported it
        from nemo_sdg.client.sdk_errors import from_sdk_error  # noqa: PLC0415

        ours = from_sdk_error(error)
        if ours is not None:
            return verdict_on(ours)
    return Judged(error, NO)
