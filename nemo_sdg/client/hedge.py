"""Asking stragglers a second time: when, how many, and the race of the two."""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.failure import Judged
from nemo_sdg.errors import ConfigError
from nemo_sdg.limits import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.question import Tries
    from nemo_sdg.limits import Permit

_REMEMBERED, _ENOUGH = 1000, 100
"""Latencies that are kept, and how many are needed before they say anything."""
_SOONEST = 0.05
"""Seconds before which nothing is sent a second time."""


@dataclass(frozen=True)
class Hedge:
    """When a request that takes long is sent a second time, of which the first answer is taken.

    It pays twice for those requests, and shortens the wait for the slowest.
    """

    after_percentile: float = 99.0
    """Of recent latencies: a request that takes longer is sent again."""
    max_extra: float = 0.02
    """Share of the requests that may be sent again, at most."""

    def __post_init__(self) -> None:
        """Check the values."""
        for name, most, allowed in (
            ("after_percentile", 100, "a number above 0 and below 100"),
            ("max_extra", 1, "a share above 0 and below 1"),
        ):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 < value < most:
                raise ConfigError(f"hedge.{name} is {value!r}: give {allowed}")

    @classmethod
    def of(cls, value: Hedge | dict[str, Any] | None) -> Hedge | None:
        """Return what `value` gives; raises `ConfigError` for unknown names."""
        if value is None or isinstance(value, Hedge):
            return value
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(value) - set(names)) if isinstance(value, dict) else [repr(value)]
        if unknown:
            raise ConfigError(f"hedge has no {unknown[0]}: it takes {', '.join(names)}")
        return cls(**value)


class Hedger:
    """Learns how long requests to one model take, and counts those that were sent again; for any thread."""

    def __init__(self, hedge: Hedge) -> None:
        self._hedge = hedge
        self._lock = threading.Lock()
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self.requests = 0
        self.hedged = 0

    def begin(self) -> float | None:
        """Count a request; return after how many seconds it is a straggler, None when that is not known."""
        with self._lock:
            self.requests += 1
            known = len(self._sorted)
            if known < _ENOUGH:
                return None
            rank = min(known - 1, int(known * self._hedge.after_percentile / 100))
            return max(_SOONEST, self._sorted[rank])

    def learn(self, seconds: float) -> None:
        """Take in how long a request has taken, from the first time that it was sent."""
        with self._lock:
            if len(self._latest) >= _REMEMBERED:
                del self._sorted[bisect_left(self._sorted, self._latest.popleft())]
            self._latest.append(seconds)
            insort(self._sorted, seconds)

    def permit(self, spare: Callable[[], Permit | None]) -> Permit | None:
        """Return a permit to send one request again; None where that is too many, or nothing is spare."""
        with self._lock:
            if self.hedged + 1 > self._hedge.max_extra * self.requests:
                return None
            self.hedged += 1
        permit = spare()
        if permit is None:
            self.take_back()
        return permit

    def take_back(self) -> None:
        """Count one less as sent again: it was not."""
        with self._lock:
            self.hedged -= 1


class HedgedAttempt:
    """One attempt, sent a second time when it takes long.

    `send` makes an attempt with a permit and settles that; `spare` returns a permit that nobody else could
    use. What the second one comes to is counted in `tries`; what the first one comes to, by the caller.
    """

    def __init__(
        self,
        hedger: Hedger,
        tries: Tries,
        send: Callable[[Permit], Coroutine[Any, Any, Completion | Judged]],
        spare: Callable[[], Permit | None],
    ) -> None:
        self._hedger = hedger
        self._tries = tries
        self._send = send
        self._spare = spare
        self._timer: asyncio.TimerHandle | None = None
        self._bound: asyncio.Timeout | None = None
        self._second: asyncio.Task[Completion | Judged] | None = None
        self._permit: Permit | None = None  # of the second, until that begins

    async def outcome(self, permit: Permit) -> Completion | Judged:
        """Make the attempt; return the first answer, or what the first one failed with when there is none."""
        delay = self._hedger.begin()
        if delay is None:
            return await self._send(permit)
        self._look_after(delay)
        try:
            try:
                async with asyncio.timeout(None) as self._bound:
                    outcome = await self._send(permit)
            except TimeoutError:  # the second has answered
                assert self._second is not None
                return self._second.result()
            finally:
                self._bound = None
                if self._timer is not None:
                    self._timer.cancel()
            if (
                isinstance(outcome, Judged)
                and outcome.verdict.kind is not Kind.NO
                and self._second is not None
            ):
                outcome = await self._instead(outcome)
            return outcome
        finally:
            await self._end_second()

    async def _instead(self, failed: Judged) -> Completion | Judged:
        """Return the second's answer after the first one `failed`, or else that."""
        assert self._second is not None
        second = await self._second
        if isinstance(second, Judged):
            return failed
        if failed.verdict.kind is Kind.THROTTLED:  # the caller will not hear of it
            self._tries.throttles += 1
            self._tries.hedged -= 1
        return second

    def _look_after(self, delay: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, self._send_again, delay)

    def _send_again(self, delay: float) -> None:
        self._permit = self._hedger.permit(self._spare)
        if self._permit is None:
            self._look_after(delay)  # there may be room by then
        else:
            self._second = asyncio.get_running_loop().create_task(self._ask_second())
            self._second.add_done_callback(self._second_is_done)

    async def _ask_second(self) -> Completion | Judged:
        permit, self._permit = self._permit, None
        assert permit is not None
        tries = self._tries
        tries.attempts += 1
        tries.hedged += 1
        outcome = await self._send(permit)
        if isinstance(outcome, Judged) and outcome.verdict.kind is Kind.THROTTLED:
            tries.throttles += 1  # and no more than that, for tries that are neither are retries
            tries.hedged -= 1
        return outcome

    def _second_is_done(self, second: asyncio.Task[Completion | Judged]) -> None:
        answered = not second.cancelled() and not isinstance(second.result(), Judged)
        if answered and self._bound is not None:
            self._bound.reschedule(asyncio.get_running_loop().time())  # ends the first

    async def _end_second(self) -> None:
        if self._second is None or self._second.done():
            return
        self._second.cancel()
        try:
            await asyncio.wait({self._second})
        finally:
            if self._permit is not None:  # it was cancelled before it began
                self._permit.release()
                self._hedger.take_back()
