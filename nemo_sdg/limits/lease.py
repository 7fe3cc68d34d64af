"""What a limiter holds of its budget between two exchanges: slots, a window, perhaps a pause."""

from __future__ import annotations

import math
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from nemo_sdg.limits.exchange import LEASE, Grant, Load, Report
from nemo_sdg.limits.tally import Tally
from nemo_sdg.limits.verdict import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.limits.limits import Limits
    from nemo_sdg.limits.seen import Seen
    from nemo_sdg.limits.tokens import Tokens
    from nemo_sdg.limits.verdict import Verdict

LATE = 1.0
"""Seconds after which an exchange that was not answered is tried anew."""
SOONEST = 0.02
"""Seconds at least between two exchanges."""
_HOLDS = 0.9 * LEASE  # seconds, a little less than the budget's
_MOST_LOADS = 64  # of a report
_AT_HAND = 0.4  # seconds' worth of completions, beyond the next exchange, for which slots are kept at hand


class Lease:
    """The part of a budget that one limiter may spend; `now` is in seconds of the limiter's clock."""

    def __init__(self, member: str, job: str) -> None:
        self.member = member
        self.job = job
        self.grant = Grant(window=0)
        """The last one."""
        self.granted = False
        """Whether there was any."""
        self.paused_until = float("-inf")
        self.due = float("-inf")
        """When the next exchange is."""
        self.unanswered = False
        self._exchanged_at = self._void_at = float("-inf")
        self._credits: float = 0
        self._credit_tokens = [0, 0]
        self._slots: deque[tuple[float, Load]] = deque()
        self._completed_rate = 0.0
        self._tally = Tally()

    def may_send(self, now: float) -> bool:
        """Return whether rates and pauses let an attempt go at `now`; `advance` comes before."""
        return self._credits >= 1 and self.paused_until <= now < self._void_at

    def advance(self, now: float) -> None:
        """Take the slots whose time has come."""
        slots = self._slots
        while slots and slots[0][0] <= now:
            self._redeem(slots.popleft()[1])

    def spend(self, estimate: Tokens) -> None:
        """Count an attempt of about `estimate` tokens as sent."""
        self._tally.sent += 1
        self._credits -= 1
        self._credit_tokens[0] -= estimate[0]
        self._credit_tokens[1] -= estimate[1]

    def give_back(self, estimate: Tokens) -> None:
        """Undo `spend`."""
        self._tally.sent -= 1
        self._credits += 1
        self._credit_tokens[0] += estimate[0]
        self._credit_tokens[1] += estimate[1]

    def settle(  # noqa: PLR0917 - what an attempt came to
        self,
        estimate: Tokens,
        used: Tokens | None,
        verdict: Verdict,
        seen: Seen | None,
        latency: float,
        epoch: int,
        now: float,
    ) -> None:
        """Count what came of an attempt that was admitted in `epoch` and took `latency` seconds.

        One that was turned away lets nothing be sent until the budget has said for how long all are to wait.
        """
        tally = self._tally
        tally.settle(verdict, estimate, used, latency, current=epoch == self.grant.epoch, now=now)
        if seen:
            tally.seen.update(seen)
        if verdict.kind is Kind.THROTTLED:
            until = now + LATE if tally.until is None else tally.until
            self.paused_until = max(self.paused_until, until)
            if not self.unanswered:
                self.due = now

    def hurry(self, now: float) -> None:
        """Have the next exchange soon, for somebody waits and there is no slot."""
        if not self.unanswered and not self._slots and self._credits < 1:
            self.due = min(self.due, max(now, self._exchanged_at + SOONEST))

    def next_event(self, now: float) -> float:
        """Return when something is due next: a slot, the end of a pause, or an exchange."""
        then = self.due
        if self._slots:
            then = min(then, self._slots[0][0])
        if self.paused_until > now:
            then = min(then, self.paused_until)
        return then

    def accept(self, grant: Grant, now: float) -> None:
        """Take in what the budget answered."""
        self.grant, self.granted, self.unanswered = grant, True, False
        self.due = now + grant.poll
        self._void_at = self._exchanged_at + _HOLDS
        if self._tally.throttled:  # of which the budget does not know yet
            self.due = now
        else:
            self.paused_until = now + grant.pause if grant.pause else float("-inf")
        if grant.paced:
            if self._credits == math.inf:
                self._credits, self._credit_tokens = 0, [0, 0]
            self._slots.extend((now + slot.after, slot.load) for slot in grant.slots)
        else:
            self._credits = math.inf
            self._slots.clear()

    def report(
        self, now: float, limits: Limits, most: int, in_flight: int, waiting: Sequence[Tokens]
    ) -> Report:
        """Return what to tell the budget, and begin to count anew.

        `waiting` holds the estimates of the requests in line, as far as `useful` says that they matter.
        """
        tally, self._tally = self._tally, Tally()
        returned, wanted = Load(), list[Load]()
        if self._credits != math.inf:
            returned = self._unused(len(waiting), now)
            wanted = self._wanted(waiting)
        self._exchanged_at, self.due, self.unanswered = now, now + LATE, True
        return Report(
            member=self.member,
            job=self.job,
            limits=limits,
            most=most,
            in_flight=in_flight,
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
            epoch=self.grant.epoch,
            seen=tally.seen,
        )

    def useful(self, now: float, window: int, in_flight: int) -> int:
        """Return how many requests could soon be sent: those that have room, and those that get it soon."""
        if now < self.paused_until or window == 0:
            return 0
        if self._tally.completed or not in_flight:
            self._completed_rate = self._tally.completed / max(now - self._exchanged_at, SOONEST)
        return max(0, window - in_flight) + math.ceil(self._completed_rate * (self.grant.poll + _AT_HAND)) + 1

    def _redeem(self, load: Load) -> None:
        self._credits += load.requests
        self._credit_tokens[0] += load.prompt
        self._credit_tokens[1] += load.completion

    def _unused(self, useful: int, now: float) -> Load:
        """Give up the slots that are of no use: all during a pause, else those beyond the first `useful`."""
        if now < self.paused_until:
            useful = 0
            while self._slots:
                self._redeem(self._slots.popleft()[1])
        back = max(0, int(self._credits) - useful)
        self._credits -= back
        prompt = completion = 0
        if self._credits == 0:  # else the tokens are still needed for what is held
            prompt, completion = self._credit_tokens
            self._credit_tokens = [0, 0]
        return Load(back, prompt, completion)

    def _wanted(self, waiting: Sequence[Tokens]) -> list[Load]:
        """Return the requests in line that have no slot, in loads of the size that was asked for."""
        held = int(self._credits) + sum(load.requests for _, load in self._slots)
        size = self.grant.chunk
        loads: list[Load] = []
        for start in range(held, min(len(waiting), held + size * _MOST_LOADS), size):
            load = list(islice(waiting, start, start + size))
            loads.append(Load(len(load), sum(each[0] for each in load), sum(each[1] for each in load)))
        return loads
