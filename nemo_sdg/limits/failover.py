"""A link to a budget that may get lost."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Protocol

import msgspec

from nemo_sdg.limits.exchange import Memory
from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.link import LocalLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.limits.exchange import Grant, Link, Report


class RemoteLink(Protocol):
    """A link that finds its budget, or makes it anew, by itself."""

    @property
    def connected(self) -> bool:
        """Whether there is a budget to talk to."""
        ...

    def send(self, report: Report, reply: Callable[[Grant | None], None]) -> None:
        """See `Link.send`."""
        ...


class FailoverLink:
    """Goes on with a member's last share while its budget is lost, and comes back to the next one.

    The shares of all members make up the whole, so the limits hold although nobody speaks to anybody. A
    budget counts as lost when it is, and when it has not answered before the next exchange. `clock` is the
    limiter's.
    """

    def __init__(self, remote: RemoteLink, clock: Callable[[], float]) -> None:
        self._remote = remote
        self._clock = clock
        self._lock = threading.Lock()
        self._number = 0
        self._unanswered: Callable[[Grant | None], None] | None = None
        self._last: Grant | None = None
        self._share: Link | None = None

    def send(self, report: Report, reply: Callable[[Grant | None], None]) -> None:
        """See `Link.send`."""
        if report.leaving:
            self._remote.send(report, reply)
            return
        with self._lock:
            last = self._last
            late = self._unanswered is not None
            if last is None and late:
                self._unanswered = reply  # it is only being started: nobody knows the limits before it
                return
            if late and self._share is None:
                self._number += 1
                self._unanswered = None
                self._share = LocalLink(self._clock)
            share = self._share
            if share is not None and self._remote.connected and not late:
                assert last is not None
                report.memory, report.share = last.memory, last.share
                self._share = share = None
            if share is None:
                self._number += 1
                self._unanswered = reply
                answer = partial(self._answered, self._number, report)
        if share is None:
            self._remote.send(report, answer)
        else:
            assert last is not None
            share.send(_part(report, last), reply)

    def _answered(self, number: int, report: Report, grant: Grant | None) -> None:
        with self._lock:
            if number != self._number or self._unanswered is None:
                return  # too late
            reply, self._unanswered = self._unanswered, None
            last = self._last
            share: Link | None = None
            if grant is not None:
                self._last = grant
            elif last is not None:
                share = self._share = LocalLink(self._clock)
        if share is None:
            reply(grant)
        else:
            assert last is not None
            share.send(_part(report, last), reply)


def _part(report: Report, last: Grant) -> Report:
    """Return `report` as of the only member of a budget that is its `last` share of the lost one."""
    memory = last.memory
    requests = _least(
        report.limits.requests_per_minute,
        memory.seen.get("requests"),
        None if memory.rate is None else 60 * memory.rate,
    )
    tokens = _least(report.limits.tokens_per_minute, memory.seen.get("tokens"))
    seen = {kind: limit * last.share for kind, limit in memory.seen.items()}
    return msgspec.structs.replace(
        report,
        limits=Limits(
            requests_per_minute=None if requests is None else requests * last.share,
            tokens_per_minute=None if tokens is None else tokens * last.share,
            max_concurrent_requests=max(1, last.window),
        ),
        seen={},
        memory=Memory(seen=seen, window=max(1, last.window), pause=memory.pause),
    )


def _least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)
