"""What a client has learned of its endpoint from the requests so far."""

from __future__ import annotations

import time

from nemo_sdg.errors import BadAnswerError, NoConnectionError, RequestError, ServerError

_GATEWAY = (502, 504)  # what a gateway says while the server behind it restarts
_ANSWERS = (BadAnswerError, ServerError)  # these need no status to show that something answered


class Health:
    """Whether the endpoint has ever answered, and since when it is away. Belongs to one process."""

    def __init__(self) -> None:
        self.answered = False
        self._completed_at: float | None = None
        self._away_since: float | None = None
        self._away_from = 0

    @property
    def proven(self) -> bool:
        """Whether any request has had a completion."""
        return self._completed_at is not None

    def completed(self, now: float) -> None:
        """Take note of a completion."""
        self._completed_at = now
        self._away_since = None
        self.answered = True

    def failed(self, error: Exception, started: float, *, first: bool) -> float | None:
        """Take note of a failed attempt; return for how many seconds the endpoint is away, None if it is not.

        It is away when, having answered before, it cannot be reached, or when, having completed before, its
        gateway has nobody to ask. A completion since the attempt `started` shows that the attempt's own
        request is what takes its gateway too long. `first` says that the request knew of no outage yet.
        """
        if isinstance(error, NoConnectionError):
            away = self.answered
        else:
            gateway = isinstance(error, RequestError) and error.status in _GATEWAY
            away = gateway and self._completed_at is not None and self._completed_at < started
            if not away and isinstance(error, RequestError) and (error.status or isinstance(error, _ANSWERS)):
                self.answered = True
                self._away_since = None
        if not away:
            return None
        now = time.monotonic()
        if self._away_since is None:
            self._away_since, self._away_from = now, 0
        self._away_from += first
        return now - self._away_since

    def gone(self, error: Exception) -> bool:
        """Return whether an outage that ended in `error` is the endpoint's, not just one request's."""
        return isinstance(error, NoConnectionError) or self._away_from > 1
