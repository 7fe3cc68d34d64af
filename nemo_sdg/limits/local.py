"""A limiter for one process: concurrency slots, and one pause for everybody after a throttle."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakSet

from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.limits.tokens import NO_TOKENS
from nemo_sdg.limits.verdict import NO, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.limits.seen import Seen
    from nemo_sdg.limits.tokens import Tokens
    from nemo_sdg.limits.verdict import Verdict

FIRST_PAUSE = 1.0
"""Seconds of pause after a throttle that does not say how long; doubles with each further burst."""
FIRST_ATTEMPTS = 32
"""Attempts that go ahead before anything has been answered, so that a wrong key burns no more than these."""
LONGEST_PAUSE = 60.0
"""Seconds: the bound of a pause that we choose, not of one that the server asks for."""
LEAST_PAUSE = 0.1
"""Seconds of pause at least after a second burst with no success between; doubles with each further one,
so that a server that says "again at once" and turns everybody away is not asked without end."""
_STOPPED = "no further requests are sent: the run is being stopped"


class LocalLimiter:
    """Holds `max_concurrent_requests` attempts in flight over all event loops and threads of a process.

    A throttle pauses all admissions until the time that the server named. Throttles of the same burst
    (attempts admitted before the pause began) only extend it. After the pause one attempt is admitted, and
    each success of one admitted since then admits one more, so that the endpoint is not hit by everybody at
    once.

    `clock` returns monotonic seconds.
    """

    def __init__(self, max_concurrent_requests: int, clock: Callable[[], float] = time.monotonic) -> None:
        if not isinstance(max_concurrent_requests, int) or max_concurrent_requests < 1:
            raise ConfigError(
                f"max_concurrent_requests is {max_concurrent_requests!r}: give a whole number of at least 1"
            )
        self.max_concurrent_requests = max_concurrent_requests
        self.in_flight = 0
        self.throttles = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[_Waiter] = deque()
        self._pausing: set[_Waiter] = set()
        self._window = min(max_concurrent_requests, FIRST_ATTEMPTS)
        self._answered = self._stopped = False
        self._paused_until = float("-inf")
        self._burst = 0
        self._bursts_in_a_row = 0
        self._armed: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    @property
    def most_in_flight(self) -> int:
        """The attempts that it ever lets be in flight: `max_concurrent_requests`."""
        return self.max_concurrent_requests

    def flow(self) -> tuple[int, int]:
        """Return the attempts in flight, and how many may be; none may during a pause."""
        return self.in_flight, 0 if self._clock() < self._paused_until else self._window

    def stop(self) -> None:
        """Admit nothing more; see `Limiter.stop`."""
        with self._lock:
            self._stopped = True
            waiting, self._waiting = [*self._waiting, *self._pausing], deque()
        for waiter in waiting:
            _threadsafe(waiter.loop, _refuse, waiter)

    def acquire_spare(self, estimate: Tokens = NO_TOKENS) -> _Slot | None:  # noqa: ARG002
        """Return a slot if more than enough are free; see `Limiter.acquire_spare`."""
        with self._lock:
            if self._stopped or self._waiting or not self._may_admit():
                return None
            self.in_flight += 1
            return _Slot(self, self._burst)

    async def acquire(self, estimate: Tokens = NO_TOKENS, *, urgent: bool = False) -> _Slot:  # noqa: ARG002
        """Wait for a slot; see `Limiter.acquire`."""
        with self._lock:
            if self._stopped:
                raise RunStopped(_STOPPED)
            if not self._waiting and self._may_admit():
                self.in_flight += 1
                return _Slot(self, self._burst)
            loop = asyncio.get_running_loop()
            waiter = _Waiter(loop)
            if urgent:
                self._waiting.appendleft(waiter)
            else:
                self._waiting.append(waiter)
            self._arm(loop)
            if self._may_admit():  # those before us may be of a loop that is busy, or closed
                self._admit_waiting()
        try:
            return await waiter.admitted
        except asyncio.CancelledError:
            with self._lock:
                slot = waiter.slot
                if slot is None and waiter in self._waiting:
                    self._waiting.remove(waiter)
            if slot is not None:
                slot.release()
            raise

    async def pause(self, seconds: float) -> None:
        """Wait, unless stopped; see `Limiter.pause`."""
        waiter = _Waiter(asyncio.get_running_loop())
        with self._lock:
            if self._stopped:
                raise RunStopped(_STOPPED)
            self._pausing.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter.admitted  # which it never is; `stop` refuses it
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._pausing.discard(waiter)

    def _settle(self, slot: _Slot, verdict: Verdict) -> None:
        with self._lock:
            self.in_flight -= 1
            if verdict.kind is Kind.OK:
                if not self._answered:
                    self._answered = True
                    self._window = self.max_concurrent_requests
                elif self._bursts_in_a_row or self._window < self.max_concurrent_requests:
                    self._succeeded(slot)
            elif verdict.kind is Kind.THROTTLED:
                self._throttled(slot, verdict.after)
            if self._waiting:
                self._admit_waiting()

    def _succeeded(self, slot: _Slot) -> None:
        if slot.burst == self._burst:  # else it was admitted before the pause, and tells nothing of after it
            self._bursts_in_a_row = 0
            self._window = min(self._window + 1, self.max_concurrent_requests)

    def _throttled(self, slot: _Slot, after: float | None) -> None:
        self.throttles += 1
        first_of_burst = slot.burst == self._burst
        self._answered = True
        if first_of_burst:
            self._burst += 1
            self._bursts_in_a_row += 1
            self._window = 1
        if after is None:
            if not first_of_burst:
                return
            ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (min(self._bursts_in_a_row, 30) - 1))
            after = random.uniform(ceiling / 2, ceiling)
        elif first_of_burst and self._bursts_in_a_row > 1:
            after = max(after, min(LONGEST_PAUSE, LEAST_PAUSE * 2 ** (min(self._bursts_in_a_row, 30) - 2)))
        self._paused_until = max(self._paused_until, self._clock() + after)
        for loop in {waiter.loop for waiter in self._waiting}:
            _threadsafe(loop, self._arm_from_loop, loop)

    def _may_admit(self) -> bool:
        return self.in_flight < self._window and self._clock() >= self._paused_until

    def _admit_waiting(self) -> None:
        running = _running_loop()
        while self._waiting and self._may_admit():
            waiter = self._waiting.popleft()
            waiter.slot = _Slot(self, self._burst)
            self.in_flight += 1
            if waiter.loop is running:
                _admit(waiter)  # without a wake-up through the loop's self-pipe, most of a hand-over's cost
            elif not _threadsafe(waiter.loop, _admit, waiter):
                self.in_flight -= 1  # its loop is closed: nobody waits any more

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have `loop` look again when the pause ends; each loop with waiters has its own timer."""
        delay = self._paused_until - self._clock()
        if delay > 0 and loop not in self._armed:
            self._armed.add(loop)
            loop.call_later(delay, self._pause_over, loop)

    def _arm_from_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._arm(loop)

    def _pause_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._armed.discard(loop)
            self._arm(loop)  # it was extended meanwhile, or the timer fired a moment early
            self._admit_waiting()


class _Waiter:
    __slots__ = ("admitted", "loop", "slot")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.admitted: asyncio.Future[_Slot] = loop.create_future()
        self.slot: _Slot | None = None


class _Slot:
    __slots__ = ("_limiter", "burst")

    def __init__(self, limiter: LocalLimiter, burst: int) -> None:
        self._limiter = limiter
        self.burst = burst

    def settle(self, tokens: Tokens | None, verdict: Verdict, seen: Seen | None = None) -> None:  # noqa: ARG002
        self._limiter._settle(self, verdict)  # noqa: SLF001 - two halves of one thing

    def release(self) -> None:
        self._limiter._settle(self, NO)  # noqa: SLF001 - two halves of one thing


def _admit(waiter: _Waiter) -> None:
    if not waiter.admitted.done():
        assert waiter.slot is not None
        waiter.admitted.set_result(waiter.slot)


def _refuse(waiter: _Waiter) -> None:
    if not waiter.admitted.done():
        waiter.admitted.set_exception(RunStopped(_STOPPED))


def _threadsafe(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> bool:
    """Run `call` soon in `loop`; False when the loop is closed."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return False
    return True


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
