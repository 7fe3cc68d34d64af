"""Decides when an attempt may be sent: as its budget grants, and when it grants it."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections import deque
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from nemo_sdg.errors import RunStopped
from nemo_sdg.limits.exchange import Report
from nemo_sdg.limits.lease import Lease
from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.link import LocalLink
from nemo_sdg.limits.places import Places
from nemo_sdg.limits.tokens import NO_TOKENS
from nemo_sdg.limits.waiting import STOPPED, Waiter, threadsafe

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.limits.exchange import Grant, Link, Use
    from nemo_sdg.limits.seen import Seen
    from nemo_sdg.limits.tokens import Tokens
    from nemo_sdg.limits.verdict import Verdict


class Limiter:
    """Admits attempts at one model, over all event loops and threads of a process, as a budget grants.

    Never more than `places` has, which several limiters may share. The budget is its own until it joins
    another: then `limits` and what is learnt hold for all who share that one, and callers can't tell. After a
    throttle nothing is admitted until the budget says so. `clock` returns seconds that do not go backwards.
    """

    def __init__(
        self,
        places: Places | int,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places if isinstance(places, Places) else Places(places)
        self._places.join(self)
        self._lock = self._places.lock
        self.limits = limits or Limits()
        self.in_flight = 0
        self._clock = clock
        self._waiting: deque[Waiter] = deque()
        self._pausing: set[Waiter] = set()
        self._timers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Timer] = WeakKeyDictionary()
        self._stopped = False
        self.join(LocalLink(clock), "")

    def join(self, link: Link, job: str) -> None:
        """Take part in the budget behind `link`, as one of `job`'s limiters."""
        with self._lock:
            self._link = link
            self._lease = Lease(uuid.uuid4().hex, job)
            self._window = 0
            self._exchanges = 0

    def leave(self) -> None:
        """Tell the budget that nothing more will be sent."""
        with self._lock:
            lease = self._lease
            if lease.granted:
                self._link.send(Report(member=lease.member, job=lease.job, leaving=True), lambda _: None)

    def stop(self) -> None:
        """Admit nothing more: those who wait or pause, and whoever comes, get `RunStopped`."""
        with self._lock:
            self._stopped = True
            waiting, self._waiting = [*self._waiting, *self._pausing], deque()
        for waiter in waiting:
            waiter.refuse()

    @property
    def most_in_flight(self) -> int:
        """The attempts that it ever lets be in flight."""
        return self._places.most

    def flow(self) -> tuple[int, int]:
        """Return the attempts in flight, and how many may be; none may during a pause."""
        return self.in_flight, 0 if self.paused else self._window

    @property
    def uses(self) -> list[Use]:
        """What is known of the endpoint's limits and their use by all who share the budget."""
        return self._lease.grant.uses

    @property
    def paused(self) -> float:
        """Seconds for which nothing may be sent, after a throttle."""
        return max(0.0, self._lease.paused_until - self._clock())

    def held_by(self) -> str | None:
        """Return what keeps it from sending more at this moment; None when it waits for the budget alone."""
        if self._places.taken >= self._places.most:
            return "max_concurrent_requests of the workers"
        if not self._waiting:
            return "no rows at hand"
        if self.paused:
            return "pause after a throttle"
        if self.in_flight >= self._window:
            return "requests in flight at the endpoint" if self._lease.granted else None
        tightest = max(
            (use for use in self.uses if use.allowed and use.name != "in flight"),
            key=lambda use: use.used / (use.allowed or math.inf),
            default=None,
        )
        return f"{tightest.name.replace('_', ' ')} per minute" if tightest else None

    async def acquire(self, estimate: Tokens = NO_TOKENS, *, urgent: bool = False) -> Permit:
        """Wait until one attempt of about `estimate` tokens may be sent; `urgent` goes before new work.

        Raises `RunStopped` after `stop`.
        """
        with self._lock:
            if self._stopped:
                raise RunStopped(STOPPED)
            now = self._clock()
            if not self._waiting and self._may_admit(now):
                return self._admit(estimate, now)
            loop = asyncio.get_running_loop()
            waiter = Waiter(loop, estimate)
            if urgent:
                self._waiting.appendleft(waiter)
            else:
                self._waiting.append(waiter)
            self._go_on(now)  # also for those before us, whose loop may be busy, or closed
            if waiter.permit is None:
                timer = self._timers.get(loop)
                if timer is None or self._lease.next_event(now) < timer.then:
                    self._arm(loop)
        try:
            return await waiter.admitted
        except asyncio.CancelledError:
            with self._lock:
                permit = waiter.permit
                if permit is None and waiter in self._waiting:
                    self._waiting.remove(waiter)
            if permit is not None:
                permit.release()
            raise

    def acquire_spare(self, estimate: Tokens = NO_TOKENS) -> Permit | None:
        """Return a permit that nobody else could use now, None when there is none: for what can be left."""
        with self._lock:
            now = self._clock()
            if self._stopped or self._waiting or not self._may_admit(now):
                return None
            return self._admit(estimate, now)

    async def pause(self, seconds: float) -> None:
        """Wait for `seconds`; raises `RunStopped` as soon as there is `stop`."""
        waiter = Waiter(asyncio.get_running_loop(), NO_TOKENS)
        with self._lock:
            if self._stopped:
                raise RunStopped(STOPPED)
            self._pausing.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter.admitted  # which it never is; `stop` refuses it
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._pausing.discard(waiter)

    def tick(self) -> None:
        """Let the budget know that this limiter is alive; for when nothing is sent for a second or more."""
        with self._lock:
            if self.in_flight or self._waiting:
                self._go_on(self._clock())

    # Under the lock

    def _may_admit(self, now: float) -> bool:
        places = self._places
        return self.in_flight < self._window and places.taken < places.most and self._lease.may_send(now)

    def _admit(self, estimate: Tokens, now: float) -> Permit:
        self.in_flight += 1
        self._places.taken += 1
        self._lease.spend(estimate)
        return Permit(self, self._lease, estimate, now)

    def _go_on(self, now: float) -> None:
        """Do what is due at `now`: take slots whose time has come, admit, ask the budget."""
        self._admit_waiting(now)
        if self._waiting:
            self._lease.hurry(now)
        if now >= self._lease.due:
            self._exchange(now)

    def _admit_waiting(self, now: float) -> None:
        self._lease.advance(now)
        while self._waiting and self._may_admit(now):
            waiter = self._waiting.popleft()
            permit = self._admit(waiter.estimate, now)
            if not waiter.admit(permit):  # its loop is closed: nobody waits any more
                self._take_back(permit)

    def _take_back(self, permit: Permit) -> None:
        self.in_flight -= 1
        self._places.taken -= 1
        permit.lease.give_back(permit.estimate)

    def _rest(self, now: float) -> None:
        """Let others have the window, where it is scarce, when there is nothing to send."""
        if not self._waiting and 0 < self._window < self._places.most and not self._lease.unanswered:
            self._window = 0
            self._exchange(now)

    def _exchange(self, now: float) -> None:
        lease = self._lease
        useful = lease.useful(now, self._window, self.in_flight)
        waiting = [waiter.estimate for waiter in islice(self._waiting, useful)]
        report = lease.report(now, self.limits, self._places.most, self.in_flight, waiting)
        report.window, report.waiting = self._window, len(self._waiting)
        self._exchanges += 1
        self._link.send(report, partial(self._granted, self._exchanges))

    def _granted(self, number: int, grant: Grant | None) -> None:
        with self._lock:
            if number != self._exchanges or grant is None:
                return  # it was asked anew by now, or will be
            now = self._clock()
            self._lease.accept(grant, now)
            before, self._window = self._window, min(self._places.most, grant.window)
            self._admit_waiting(now)
            if self._waiting and before == 0:  # without a window it had asked for no slots
                self._lease.hurry(now)
            for loop in list(self._timers):
                threadsafe(loop, self._arm, loop)

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have `loop`, which is this thread's, look again when the next thing is due."""
        with self._lock:
            timer = self._timers.pop(loop, None)
            if timer is not None:
                timer.handle.cancel()
            if self._waiting:
                now = self._clock()
                then = self._lease.next_event(now)
                handle = loop.call_later(max(0.0, then - now), self._time_is_up, loop)
                self._timers[loop] = _Timer(then, handle)

    def _time_is_up(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._go_on(self._clock())
            self._arm(loop)

    # Of permits

    def _settle(self, permit: Permit, tokens: Tokens | None, verdict: Verdict, seen: Seen | None) -> None:
        with self._lock:
            now = self._clock()
            self.in_flight -= 1
            self._places.taken -= 1
            permit.lease.settle(permit.estimate, tokens, verdict, seen, now - permit.began, permit.epoch, now)
            if self._waiting or now >= self._lease.due:
                self._go_on(now)
            if not self.in_flight:
                self._rest(now)
            self._places.left_by(self)

    def _release(self, permit: Permit) -> None:
        with self._lock:
            self._take_back(permit)
            if self._waiting:
                self._go_on(self._clock())
            self._places.left_by(self)


class _Timer(NamedTuple):
    then: float
    """By the limiter's clock."""
    handle: asyncio.TimerHandle


class Permit:
    """The right to have one attempt in flight; settle or release it, exactly once."""

    __slots__ = ("_limiter", "began", "epoch", "estimate", "lease")

    def __init__(self, limiter: Limiter, lease: Lease, estimate: Tokens, began: float) -> None:
        self._limiter = limiter
        self.lease = lease
        self.epoch = lease.grant.epoch
        """Bursts of throttles before it was admitted."""
        self.estimate = estimate
        self.began = began

    def settle(self, tokens: Tokens | None, verdict: Verdict, seen: Seen | None = None) -> None:
        """Give the permit back after its attempt.

        `tokens` are those that it used, None where the server did not say; `seen` is what its answer's
        headers told of the limits.
        """
        self._limiter._settle(self, tokens, verdict, seen)  # noqa: SLF001 - two halves of one thing

    def release(self) -> None:
        """Give the permit back unused: no attempt was made."""
        self._limiter._release(self)  # noqa: SLF001 - two halves of one thing
