"""What a client has learned of its endpoint from the requests so far."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemo_sdg.errors import (
    BadAnswerError,
    ConnectionFailedError,
    NoConnectionError,
    OverloadedError,
    RequestError,
    ServerError,
)
from nemo_sdg.limits import TRANSIENT, Kind

if TYPE_CHECKING:
    from nemo_sdg.client.failure import Judged

_GATEWAY = (502, 504)  # what a gateway says while the server behind it restarts
_ANSWERS = (BadAnswerError, ServerError)  # these need no status to show that something answered
_STRAY = 0.2
"""Refusals for want of room for each completion that need not mean that there is none."""
_STRAYS = 5.0
"""Of these, how many may come at once."""


class Health:
    """Whether the endpoint has ever answered, and since when it is away. Belongs to one process."""

    def __init__(self) -> None:
        self.answered = False
        self._completed_at: float | None = None
        self._away_since: float | None = None
        self._away_from: set[int] = set()
        self._broken: set[int] = set()
        self._strays = _STRAYS / 2

    @property
    def proven(self) -> bool:
        """Whether any request has had a completion."""
        return self._completed_at is not None

    def completed(self, now: float) -> None:
        """Take note of a completion."""
        self._completed_at = now
        self._strays = min(_STRAYS, self._strays + _STRAY)
        self._answered()

    def judge(self, failed: Judged) -> Judged:
        """Return `failed`, as a transient failure if it is a stray refusal for want of room.

        One among many completions, which names no time to wait, is what balancers and restarting replicas
        say at any load. If everybody waited for each, two in a hundred would slow a job tenfold.
        """
        if (
            self._strays < 1
            or failed.verdict.kind is not Kind.THROTTLED
            or failed.verdict.after is not None
            or not isinstance(failed.error, OverloadedError)
        ):
            return failed
        self._strays -= 1
        return failed._replace(verdict=TRANSIENT)

    def failed(self, error: Exception, since: float, request: int) -> float | None:
        """Take note of a failed attempt; return for how many seconds the endpoint is away, None if it is not.

        It is away when, having answered before, it cannot be reached, or when, having completed before, its
        gateway has nobody to ask, or breaks the connections of several requests, as what forwards a port
        does for a server that is gone. A completion `since` the attempt, or those before it that failed
        alike, shows that the `request` itself is what the endpoint cannot do.
        """
        if isinstance(error, NoConnectionError):
            away = self.answered
        elif isinstance(error, ConnectionFailedError):
            self._broken.add(request)
            away = self._silent(since) and len(self._broken) > 1
        else:
            gateway = isinstance(error, RequestError) and error.status in _GATEWAY
            away = gateway and self._silent(since)
            if not away and isinstance(error, RequestError) and (error.status or isinstance(error, _ANSWERS)):
                self._answered()
        if not away:
            return None
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            self._away_from = set()
        self._away_from.add(request)
        return now - self._away_since

    def gone(self, error: Exception) -> bool:
        """Return whether an outage that ended in `error` is the endpoint's, not just one request's."""
        return isinstance(error, NoConnectionError) or len(self._away_from) > 1

    def _silent(self, since: float) -> bool:
        return self._completed_at is not None and self._completed_at < since

    def _answered(self) -> None:
        self.answered = True
        self._away_since = None
        self._broken.clear()
