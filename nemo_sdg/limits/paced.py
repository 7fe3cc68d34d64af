"""The limiter of a client: sends what its budget grants, when it grants it."""

from __future__ import annotations

import asyncio
import math
import threading
import time
import uuid
from collections import deque
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.limits.exchange import Grant, Load, Report
from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.link import LocalLink
from nemo_sdg.limits.tally import Tally
from nemo_sdg.limits.tokens import NO_TOKENS
from nemo_sdg.limits.verdict import NO, Kind
from nemo_sdg.limits.waiting import STOPPED, Waiter, threadsafe

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.limits.exchange import Link, Use
    from nemo_sdg.limits.seen import Seen
    from nemo_sdg.limits.tokens import Tokens
    from nemo_sdg.limits.verdict import Verdict

LATE = 1.0
"""Seconds after which an exchange that was not answered is tried anew."""
_SOONEST = 0.02  # seconds between two exchanges
_MOST_LOADS = 64  # of a report
_AT_HAND = 0.5  # seconds' worth of completions for which slots are kept at hand
_UNKNOWN = Grant(window=0)


class PacedLimiter:
    """Admits attempts over all event loops and threads of a process, as a budget grants.

    At most `most_in_flight` are in flight. The budget is its own until it joins another: then `limits` and
    what is learnt hold for all who share that one. After a throttle nothing is admitted until the budget says
    so. `clock` returns seconds that do not go backwards.
    """

    def __init__(
        self,
        most_in_flight: int,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(most_in_flight, int) or isinstance(most_in_flight, bool) or most_in_flight < 1:
            raise ConfigError(
                f"max_concurrent_requests is {most_in_flight!r}: give a whole number of at least 1"
            )
        self.most_in_flight = most_in_flight
        self.limits = limits or Limits()
        self.in_flight = 0
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: deque[Waiter] = deque()
        self._pausing: set[Waiter] = set()
        self._timers: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.TimerHandle] = WeakKeyDictionary()
        self._stopped = False
        self._tally = Tally()
        self.join(LocalLink(clock), uuid.uuid4().hex)

    def join(self, link: Link, job: str) -> None:
        """Take part in the budget behind `link`, as one of `job`'s limiters."""
        with self._lock:
            self._link = link
            self._name, self._job = uuid.uuid4().hex, job
            self._grant = _UNKNOWN
            self._open = 0
            self._credits: float = 0  # attempts that may be sent now, as far as rates go
            self._credit_tokens = [0, 0]
            self._slots: deque[tuple[float, Load]] = deque()
            self._paused_until = self._due = self._exchanged_at = float("-inf")
            self._unanswered = 0
            self._completed_rate = 0.0

    def leave(self) -> None:
        """Tell the budget that nothing more will be sent."""
        with self._lock:
            if self._grant is not _UNKNOWN:
                self._link.send(
                    Report(member=self._name, job=self._job, leaving=True), lambda _: None
                )

    def stop(self) -> None:
        """Admit nothing more; see `Limiter.stop`."""
        with self._lock:
            self._stopped = True
            waiting, self._waiting = [*self._waiting, *self._pausing], deque()
        for waiter in waiting:
            waiter.refuse()

    def flow(self) -> tuple[int, int]:
        """Return the attempts in flight, and how many may be; none may during a pause."""
        return self.in_flight, 0 if self._clock() < self._paused_until else self._open

    @property
    def uses(self) -> list[Use]:
        """What is known of the endpoint's limits and their use by all who share the budget."""
        return self._grant.uses

    @property
    def paused(self) -> float:
        """Seconds for which nothing may be sent, after a throttle."""
        return max(0.0, self._paused_until - self._clock())

    def held_by(self) -> str | None:
        """Return what keeps it from sending more at this moment; None when it waits for the budget."""
        if self.in_flight >= self.most_in_flight:
            return "max_concurrent_requests of the workers"
        if not self._waiting:
            return "no rows at hand"
        if self._clock() < self._paused_until:
            return "pause after a throttle"
        if self.in_flight >= self._open:
            return "requests in flight at the endpoint" if self._grant is not _UNKNOWN else None
        tightest = max(
            (use for use in self._grant.uses if use.allowed and use.name != "in flight"),
            key=lambda use: use.used / (use.allowed or math.inf),
            default=None,
        )
        return f"{tightest.name.replace('_', ' ')} per minute" if tightest else None

    async def acquire(self, estimate: Tokens = NO_TOKENS, *, urgent: bool = False) -> _Permit:
        """Wait for a permit; see `Limiter.acquire`."""
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
                self._arm(loop)
        try:
            return await waiter.admitted  # type: ignore[return-value] - it is one of ours
        except asyncio.CancelledError:
            with self._lock:
                permit = waiter.permit
                if permit is None and waiter in self._waiting:
                    self._waiting.remove(waiter)
            if permit is not None:
                permit.release()
            raise

    def acquire_spare(self, estimate: Tokens = NO_TOKENS) -> _Permit | None:
        """Return a permit if there is more than enough; see `Limiter.acquire_spare`."""
        with self._lock:
            now = self._clock()
            if self._stopped or self._waiting or not self._may_admit(now):
                return None
            return self._admit(estimate, now)

    async def pause(self, seconds: float) -> None:
        """Wait, unless stopped; see `Limiter.pause`."""
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

    # Admission

    def _may_admit(self, now: float) -> bool:
        return self.in_flight < self._open and self._credits >= 1 and now >= self._paused_until

    def _admit(self, estimate: Tokens, now: float) -> _Permit:
        self.in_flight += 1
        self._credits -= 1
        self._tally.sent += 1
        self._credit_tokens[0] -= estimate[0]
        self._credit_tokens[1] -= estimate[1]
        return _Permit(self, self._grant.epoch, estimate, now)

    def _go_on(self, now: float) -> None:
        """Do what is due at `now`: take slots whose time has come, admit, ask the budget."""
        self._admit_waiting(now)
        if now < self._due and self._waiting and not self._slots and self._credits < 1:
            self._due = max(now, self._exchanged_at + _SOONEST) if not self._unanswered else self._due
        if now >= self._due:
            self._exchange(now)
            self._admit_waiting(now)

    def _admit_waiting(self, now: float) -> None:
        slots = self._slots
        while slots and slots[0][0] <= now:
            load = slots.popleft()[1]
            self._credits += load.requests
            self._credit_tokens[0] += load.prompt
            self._credit_tokens[1] += load.completion
        while self._waiting and self._may_admit(now):
            waiter = self._waiting.popleft()
            permit = self._admit(waiter.estimate, now)
            if not waiter.admit(permit):  # its loop is closed: nobody waits any more
                self._take_back(permit)

    def _settle(
        self, permit: _Permit, tokens: Tokens | None, verdict: Verdict, seen: Seen | None
    ) -> None:
        with self._lock:
            now = self._clock()
            self.in_flight -= 1
            current = permit.epoch == self._grant.epoch
            self._tally.settle(
                verdict,
                estimate=permit.estimate,
                used=tokens,
                latency=now - permit.began,
                current=current,
                now=now,
            )
            if seen:
                self._tally.seen.update(seen)
            if verdict.kind is Kind.THROTTLED:
                self._throttled(now)
            if self._waiting or now >= self._due:
                self._go_on(now)

    def _throttled(self, now: float) -> None:
        """Send nothing before the budget has said for how long everybody is to wait."""
        until = self._tally.until
        self._paused_until = max(self._paused_until, now + LATE if until is None else until)
        if not self._unanswered:
            self._due = now

    def _release(self, permit: _Permit) -> None:
        with self._lock:
            self._take_back(permit)
            if self._waiting:
                self._go_on(self._clock())

    def _take_back(self, permit: _Permit) -> None:
        self.in_flight -= 1
        self._credits += 1
        self._tally.sent -= 1
        self._credit_tokens[0] += permit.estimate[0]
        self._credit_tokens[1] += permit.estimate[1]

    # The budget

    def _exchange(self, now: float) -> None:
        report = self._report(now)
        self._exchanged_at, self._due = now, now + LATE
        self._unanswered += 1
        self._link.send(report, partial(self._granted, self._unanswered))

    def _granted(self, number: int, grant: Grant | None) -> None:
        with self._lock:
            if number != self._unanswered or grant is None:
                return  # too late: it was asked anew; or never: it will be
            now = self._clock()
            self._unanswered = 0
            self._grant = grant
            self._open = min(self.most_in_flight, grant.window)
            self._due = now + grant.poll
            if not self._tally.throttled:  # else it does not know of the last throttle yet
                self._paused_until = now + grant.pause if grant.pause else float("-inf")
            else:
                self._due = now
            if grant.paced:
                self._credits = 0 if self._credits == math.inf else self._credits
                self._slots.extend((now + slot.after, slot.load) for slot in grant.slots)
            else:
                self._credits = math.inf
                self._slots.clear()
            self._admit_waiting(now)
            for loop in list(self._timers):
                threadsafe(loop, self._arm, loop)

    def _report(self, now: float) -> Report:
        tally, self._tally = self._tally, Tally()
        seconds = max(now - self._exchanged_at, _SOONEST)
        if tally.completed or not self.in_flight:
            self._completed_rate = tally.completed / seconds
        free = max(0, self._open - self.in_flight)
        at_hand = free + math.ceil(self._completed_rate * _AT_HAND) + 1
        returned, wanted = Load(), list[Load]()
        if self._credits != math.inf:
            returned = self._unused(min(at_hand, len(self._waiting)), now)
            held = int(self._credits) + sum(load.requests for _, load in self._slots)
            wanted = self._wanted(held, min(at_hand, len(self._waiting)))
        return Report(
            member=self._name,
            job=self._job,
            limits=self.limits,
            most=self.most_in_flight,
            in_flight=self.in_flight,
            waiting=len(self._waiting),
            wanted=wanted,
            returned=Load(
                returned.requests,
                returned.prompt + tally.spare_prompt,
                returned.completion + tally.spare_completion,
            ),
            sent=tally.sent,
            used=(tally.prompt, tally.completion),
            completed=tally.completed,
            latency=tally.latency,
            proven=tally.proven,
            throttled=tally.throttled,
            after=None if tally.until is None else max(0.0, tally.until - now),
            epoch=self._grant.epoch,
            seen=tally.seen,
        )

    def _unused(self, useful: int, now: float) -> Load:
        """Give up the slots that are of no use: all during a pause, else those beyond the first `useful`."""
        if now < self._paused_until:
            useful = 0
            for _, load in self._slots:
                self._credits += load.requests
                self._credit_tokens[0] += load.prompt
                self._credit_tokens[1] += load.completion
            self._slots.clear()
        back = max(0, int(self._credits) - useful)
        self._credits -= back
        prompt = completion = 0
        if self._credits == 0:
            prompt, completion = self._credit_tokens
            self._credit_tokens = [0, 0]
        return Load(back, prompt, completion)

    def _wanted(self, first: int, last: int) -> list[Load]:
        """Return the requests in line from `first` to before `last`, in loads of the size that was asked for."""
        loads: list[Load] = []
        size = self._grant.chunk
        waiting = self._waiting
        for start in range(first, min(last, first + size * _MOST_LOADS), size):
            estimates = [waiting[place].estimate for place in range(start, min(start + size, last))]
            loads.append(
                Load(len(estimates), sum(each[0] for each in estimates), sum(each[1] for each in estimates))
            )
        return loads

    # Timers

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have `loop`, which is this thread's, look again when the next thing is due."""
        with self._lock:
            timer = self._timers.pop(loop, None)
            if timer is not None:
                timer.cancel()
            if not self._waiting:
                return
            now = self._clock()
            then = self._due
            if self._slots:
                then = min(then, self._slots[0][0])
            if self._paused_until > now:
                then = min(then, self._paused_until)
            self._timers[loop] = loop.call_later(max(0.0, then - now), self._time_is_up, loop)

    def _time_is_up(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._go_on(self._clock())
            self._arm(loop)


class _Permit:
    __slots__ = ("_limiter", "began", "epoch", "estimate")

    def __init__(self, limiter: PacedLimiter, epoch: int, estimate: Tokens, began: float) -> None:
        self._limiter = limiter
        self.epoch = epoch
        self.estimate = estimate
        self.began = began

    def settle(self, tokens: Tokens | None, verdict: Verdict, seen: Seen | None = None) -> None:
        self._limiter._settle(self, tokens, verdict, seen)  # noqa: SLF001 - two halves of one thing

    def release(self) -> None:
        self._limiter._release(self)  # noqa: SLF001 - two halves of one thing
