"""Whether a request is tried again, when, and how it ends when it is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemo_sdg.client.backoff import backoff
from nemo_sdg.client.first_requests import FirstRequests
from nemo_sdg.client.health import Health
from nemo_sdg.errors import (
    ConfigError,
    ConnectionFailedError,
    ContentFilterError,
    ContextLengthError,
    DeadlineError,
    FatalRequestError,
    NothingSucceedsError,
    OverloadedError,
    RequestError,
    UnreachableError,
)
from nemo_sdg.limits import Kind

if TYPE_CHECKING:
    from nemo_sdg.client.failure import Judged
    from nemo_sdg.client.question import Tries

LONGEST_DELAY_IN_OUTAGE = 10.0
"""Seconds between two tries to reach an endpoint that is away."""


class OutOfTime(Exception):  # noqa: N818 - never leaves the client
    """The deadline came while an attempt was in flight."""


class Retrying:
    """The part of a client that decides what follows a failed attempt; see `AsyncLLMClient`."""

    longest_outage: float = 300.0
    """Seconds after which an endpoint that answered before, and cannot be reached since, counts as gone for
    good; until then its requests are tried again at no cost of retries. The same holds for 502 and 504 of one
    that had completed requests before, and for connections that break, when they do for several requests."""

    def __init__(self, max_retries: int, base_delay: float, deadline: float) -> None:
        if not isinstance(max_retries, int) or max_retries < 0:
            raise ConfigError(f"max_retries is {max_retries!r}: give a whole number of at least 0")
        if not isinstance(base_delay, (int, float)) or not base_delay >= 0:
            raise ConfigError(f"base_delay is {base_delay!r}: give seconds, at least 0")
        if not isinstance(deadline, (int, float)) or not deadline > 0:
            raise ConfigError(f"deadline is {deadline!r}: give seconds, above 0")
        self.max_retries = max_retries
        self.base_delay = base_delay
        self.deadline = deadline

    def _begin(self) -> None:
        """Know nothing of the endpoint."""
        self._health = Health()
        self._first = FirstRequests()

    def _delay(self, judged: Judged, tries: Tries, asked: Health | None = None) -> float | None:
        """Return the seconds until the next attempt, None where the limiter decides.

        `asked` is the health of the endpoint that failed, where it is not this client's own. Raises the
        failure, or what it amounts to, when there is no next attempt.
        """
        failure, verdict = judged.error, judged.verdict
        asked = asked or self._health
        since, tries.since = tries.since or tries.started, None
        away = asked.failed(failure, since, tries.number)
        if verdict.kind is Kind.NO:
            error = self._too_late(None, tries) if isinstance(failure, OutOfTime) else failure
            raise self._given_up(error, tries)
        if verdict.kind is Kind.THROTTLED:
            return None  # it makes everybody wait
        if away is not None and away < self.longest_outage:
            tries.retries -= 1  # it is not this request's fault
            tries.outages += 1
            tries.since = since
            delay = min(backoff(tries.outages, self.base_delay), LONGEST_DELAY_IN_OUTAGE)
        elif isinstance(failure, OverloadedError):  # a stray one: others go on
            delay = backoff(1, self.base_delay)
        elif tries.retries > self.max_retries:
            raise self._given_up(self._final(failure, tries, away, asked), tries)
        else:
            delay = backoff(tries.retries, self.base_delay, verdict.after)
        if time.monotonic() + delay >= tries.deadline:
            raise self._given_up(self._too_late(failure, tries), tries)
        return delay

    def _too_late(self, failure: Exception | None, tries: Tries) -> DeadlineError:
        last = "was not answered in the time that was left" if failure is None else f"failed: {failure}"
        return DeadlineError(
            f"no answer within deadline={self.deadline:g} s and {tries.attempts} attempts; "
            f"the last one {last}; raise deadline to wait longer",
            status=getattr(failure, "status", None),
            attempts=tries.attempts,
            throttles=tries.throttles,
        )

    def _given_up(self, error: Exception, tries: Tries) -> Exception:
        """Return what to raise for a request that failed with `error`: that no request succeeds, if so."""
        if self._health.proven or not isinstance(error, RequestError) or isinstance(error, FatalRequestError):
            return error
        counts = tries.attempts > 0 and not isinstance(error, (ContextLengthError, ContentFilterError))
        if not self._first.fail(tries, counts=counts):
            return error
        return NothingSucceedsError(
            f"no request succeeds; the last one failed with {type(error).__name__}: {error}; "
            "check the model, the generation parameters and base_url",
            status=error.status,
            attempts=error.attempts,
            throttles=error.throttles,
            request_id=error.request_id,
        )

    def _final(self, failure: Exception, tries: Tries, away: float | None, asked: Health) -> Exception:
        if not asked.answered and isinstance(failure, ConnectionFailedError):
            advice = "none was ever answered: check base_url and the network"
        elif away is not None and asked.gone(failure):
            advice = f"no answer for {away:.0f} s: run again when the server is back, what was paid is kept"
        else:
            return failure
        return UnreachableError(
            f"{failure} ({tries.attempts} attempts), {advice}",
            attempts=tries.attempts,
            throttles=tries.throttles,
        )
