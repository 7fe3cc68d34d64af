"""What one endpoint allows one credential for one model, divided among all who ask it."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING

from nemo_sdg.limits.adaptive import AdaptiveWindow
from nemo_sdg.limits.bucket import Bucket
from nemo_sdg.limits.exchange import LEASE, Grant, Load, Memory, Use
from nemo_sdg.limits.learnt import LearntRate
from nemo_sdg.limits.limits import Limits
from nemo_sdg.limits.members import Members
from nemo_sdg.limits.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemo_sdg.limits.exchange import Report
    from nemo_sdg.limits.members import Member
    from nemo_sdg.limits.seen import LimitKind

FIRST_ATTEMPTS = 32
"""Attempts that go ahead before anything has been answered, so that a wrong key burns no more than these."""
FIRST_PAUSE = 1.0
"""Seconds of pause after a throttle that does not say how long; doubles with each further burst."""
LONGEST_PAUSE = 15.0
"""Seconds: the bound of a pause that we choose, not of one that the server asks for."""
LEAST_PAUSE = 0.1
"""Seconds of pause at least after a second burst with no success between; doubles with each further one,
so that a server that says "again at once" and turns everybody away is not asked without end."""
_MARGIN = 0.15
"""Seconds beyond the next exchange for which a member gets slots: what an exchange may take."""
_POLL, _UNPACED_POLL, _SLOWEST_POLL = 0.1, 0.2, 1.0
_MOST_EXCHANGES = 500  # a second
_CHUNKS = 4  # into which a member's requests between two exchanges are put
_USE_OVER = 10.0  # seconds over which use is measured
_FORGIVEN = 10.0  # seconds between bursts, while limits that are known are kept: they were milliseconds early
_REBUILT = 2.0  # seconds in which those who lost another budget come to this one
_KINDS: tuple[LimitKind, ...] = ("requests", "tokens", "prompt_tokens", "completion_tokens")


class Budget:
    """Divides rates and concurrency fairly, paces them, and makes everybody wait when one was turned away.

    Attempts get slots on one line of time, so that the pace is that of the limit however many members there
    are; a slot is for one member, known to it before its time comes. Rates are those configured or seen in
    headers, the lower of both, and one that is learnt from throttles. How many attempts may be in flight is
    found by `AdaptiveWindow`, below what is configured.

    `now` is in seconds of a clock that does not go backwards, the same for all calls.
    """

    def __init__(self) -> None:
        self._members = Members()
        self._buckets: dict[LimitKind, Bucket] = {}
        self._allowed: dict[LimitKind, tuple[float, str]] = {}
        """Per minute, and who says so."""
        self._seen: dict[LimitKind, float] = {}
        self._learnt = LearntRate()
        self._known: dict[LimitKind, tuple[float, str]] = {}
        """Per second, and who says so."""
        self._adaptive = AdaptiveWindow(FIRST_ATTEMPTS)
        self._window = FIRST_ATTEMPTS
        self._window_source = ""
        self._proven = False
        self._paused_until = self._burst_at = float("-inf")
        self._epoch = 0
        self._bursts_in_a_row = 0
        self._behind = False
        """More is wanted than the rates let go."""
        self._configured = Limits()
        self._divided_at = self._swept_at = float("-inf")
        self._rebuilt_at: float | None = None
        self._sent = Recent(_USE_OVER, 3)

    def exchange(self, report: Report, now: float) -> Grant:
        """Take in what a member says; return what it may do until the next exchange."""
        self._sweep(now)
        if report.memory is not None:
            self._remember(report, now)
        known = len(self._members)
        member = self._members.take_in(report)
        if len(self._members) != known:
            self._joined_or_left()
        member.seen_at = now
        if report.memory is not None:
            member.share = report.share
        if report.leaving:
            self._members.remove(member)
            self._joined_or_left()
            return Grant(window=0)
        self._learn(member, now)
        self._set_rates(now)
        self._take_back(report.returned)
        self._queue(member)
        poll = self._poll(now)
        self._schedule(now, now + poll + _MARGIN)
        self._members.grant(member, self._window_of(member, now))
        pause = max(0.0, self._paused_until - now)
        window = self._adaptive.size if self._proven else 0
        return Grant(
            window=member.window,
            paced=bool(self._buckets),
            slots=member.take_slots(now),
            pause=pause,
            epoch=self._epoch,
            poll=poll,
            chunk=max(1, int(self._fair_rate(now) * poll / _CHUNKS)),
            share=1 / (self._members.jobs * len(member.job.members)),
            memory=Memory(self._seen, window, self._learnt.at(now), pause),
            uses=self._uses(now),
        )

    def _sweep(self, now: float) -> None:
        """Forget members that have been silent for too long."""
        if now - self._swept_at < LEASE / 6:
            return
        self._swept_at = now
        for silent in [member for member in self._members if now - member.seen_at > LEASE]:
            self._members.remove(silent)
            self._joined_or_left()

    def _joined_or_left(self) -> None:
        self._divided_at = float("-inf")
        limits = [member.report.limits for member in self._members]
        most = _least(each.max_concurrent_requests for each in limits)
        self._configured = Limits(
            requests_per_minute=_least(each.requests_per_minute for each in limits),
            tokens_per_minute=_least(each.tokens_per_minute for each in limits),
            max_concurrent_requests=None if most is None else int(most),
        )
        self._compare_limits()

    # What is learnt from a report

    def _learn(self, member: Member, now: float) -> None:
        report = member.report
        for kind, limit in report.seen.items():
            if limit.limit is not None and limit.limit != self._seen.get(kind):
                self._seen[kind] = limit.limit
                self._compare_limits()
            bucket = self._buckets.get(kind)
            if limit.remaining is not None and limit.remaining <= 0 and bucket is not None:
                bucket.empty(now)
        self._sent.add(now, report.sent, *report.used)
        self._learnt.completed(report.completed, now)
        if report.proven and report.epoch == self._epoch:
            self._bursts_in_a_row = 0
        if report.throttled or report.after is not None:
            self._throttled(report, now)
        in_flight, cap = self._members.in_flight, self._members.most
        if report.completed and not self._proven:
            self._proven = True
            start = self._configured.max_concurrent_requests or max(FIRST_ATTEMPTS, len(self._members))
            self._adaptive = AdaptiveWindow(start)
        full = in_flight >= 0.9 * min(self._window, cap) and now >= self._paused_until and not self._behind
        self._adaptive.observe(
            now,
            completed=report.completed,
            latency_sum=report.latency,
            in_flight=in_flight,
            cap=min(cap, self._configured.max_concurrent_requests or cap),
            full=full,
            lag=self._poll(now),
            # The pace protects the endpoint, and a slot is of no use without a place in flight.
            least=len(self._members) if self._buckets else 1,
        )

    def _throttled(self, report: Report, now: float) -> None:
        after = report.after
        first_of_burst = report.throttled and report.epoch == self._epoch
        if first_of_burst:
            self._epoch += 1
            self._bursts_in_a_row += 1
            kept = bool(self._known) and now - self._burst_at > _FORGIVEN
            self._burst_at = now
            if self._bursts_in_a_row == 1 and not kept:  # if nothing succeeded meanwhile, it tells of no rate
                self._learnt.throttled(now, self._known_rate, self._sent.per_second(now)[0])
                self._adaptive.throttled(now, self._members.in_flight)
            row = min(self._bursts_in_a_row, 30)
            if after is None:
                ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (row - 1))
                after = random.uniform(ceiling / 2, ceiling)
            elif row > 1:
                after = max(after, min(LONGEST_PAUSE, LEAST_PAUSE * 2 ** (row - 2)))
        if after is not None:
            self._paused_until = max(self._paused_until, now + after)
            for bucket in self._buckets.values():
                bucket.empty(self._paused_until)

    def _remember(self, report: Report, now: float) -> None:
        memory = report.memory
        assert memory is not None
        if self._rebuilt_at is None:
            self._rebuilt_at = now
        self._seen = {**memory.seen, **self._seen}
        self._compare_limits()
        if memory.window and not self._proven:
            self._proven = True
            self._adaptive = AdaptiveWindow(memory.window)
        self._epoch = max(self._epoch, report.epoch)  # else its next throttle would seem an old one
        if memory.pause:
            self._paused_until = max(self._paused_until, now + memory.pause)
        if memory.rate is not None and self._learnt.at(now) is None:
            self._learnt.remember(memory.rate, now)

    # Rates

    @property
    def _known_rate(self) -> float | None:
        return self._known["requests"][0] if "requests" in self._known else None

    def _compare_limits(self) -> None:
        """Have the lower of what is configured and what headers say."""
        configured: dict[LimitKind, float | None] = {
            "requests": self._configured.requests_per_minute,
            "tokens": self._configured.tokens_per_minute,
        }
        self._known = {}
        for kind in _KINDS:
            said, seen = configured.get(kind), self._seen.get(kind)
            limit = _least((said, seen))
            if limit is not None:
                self._known[kind] = limit / 60, "configured" if limit == said else "headers"

    def _set_rates(self, now: float) -> None:
        self._learnt.forget_beyond(self._known_rate, now)
        learnt = self._learnt.at(now)
        part = self._part_rebuilt(now)
        for kind in _KINDS:
            rate, source = self._known.get(kind, (None, ""))
            if kind == "requests" and learnt is not None:
                rate, source = learnt, "throttles"
            bucket = self._buckets.get(kind)
            if rate is None:
                self._buckets.pop(kind, None)
                continue
            self._allowed[kind] = rate * 60, source
            rate *= part
            if bucket is None:
                bucket = self._buckets[kind] = Bucket(rate, now)
                if self._rebuilt_at is not None:  # slots of the lost budget are still being used
                    bucket.empty(now + _POLL + _MARGIN)
                if self._paused_until > now:
                    bucket.empty(self._paused_until)
            elif bucket.rate != rate:
                bucket.set_rate(rate, now)

    def _part_rebuilt(self, now: float) -> float:
        """Return the part of the rates that members do not use which have yet to come from a lost budget."""
        if self._rebuilt_at is None or now - self._rebuilt_at > _REBUILT:
            return 1.0
        return min(1.0, sum(member.share or 0.0 for member in self._members)) or 1.0

    def _fair_rate(self, now: float) -> float:
        """Return a member's equal part of the requests in a second, as the limits allow."""
        requests = self._buckets.get("requests")
        rate = requests.rate if requests else self._sent.per_second(now)[0]
        return rate / max(1, len(self._members))

    def _poll(self, now: float) -> float:
        """Return the seconds to the next exchange: often enough to matter, not more often than it can."""
        least = len(self._members) / _MOST_EXCHANGES
        if not self._buckets:
            return max(_UNPACED_POLL, least)
        rate = self._fair_rate(now)
        return min(_SLOWEST_POLL, max(_POLL, 1 / rate if rate > 0 else 0.0, least))

    # Slots

    def _take_back(self, load: Load) -> None:
        for kind, bucket in self._buckets.items():
            bucket.give_back(_cost(kind, load))

    def _queue(self, member: Member) -> None:
        """Take over what `member` wants beyond the slots that wait for it."""
        promised = sum(load.requests for _, load in member.mailbox)
        wanted = deque(member.report.wanted)
        while promised > 0 and wanted:
            promised -= wanted.popleft().requests
        member.wanted = wanted
        if wanted:
            member.job.wants(member)

    def _schedule(self, now: float, until: float) -> None:
        """Give out slots up to `until`, each to whoever was given least so far."""
        self._behind = False
        if not self._buckets:
            return
        while (member := self._members.next()) is not None:
            load = member.wanted[0]
            costs = [(bucket, _cost(kind, load)) for kind, bucket in self._buckets.items()]
            at = max(bucket.ready_at(cost, now) for bucket, cost in costs)
            if at > until:
                self._behind = True
                return
            member.wanted.popleft()
            seconds = 0.0
            for bucket, cost in costs:
                bucket.take(cost, at)
                seconds = max(seconds, cost / bucket.rate)
            member.mailbox.append((at, load))
            member.job.serve(member, seconds)

    # Concurrency

    def _window_of(self, member: Member, now: float) -> int:
        """Return how many attempts `member` may have in flight, so that all together keep to the window."""
        cap, configured = self._members.most, self._configured.max_concurrent_requests
        found = self._adaptive.size
        if configured is not None and configured <= min(found, cap):
            self._window_source = "configured"
        else:
            self._window_source = "latency" if found < cap else ""
        window = min(found, cap, configured or cap)
        if window != self._window or now - self._divided_at > _POLL:
            self._window = window
            self._members.divide(window)
            self._divided_at = now
        if window >= cap:
            return member.report.most
        if not member.report.waiting and not member.report.in_flight and len(self._members) > 1:
            return 0  # for the others; it asks again when there is something to send
        others = self._members.held - member.held
        return max(0, min(member.target, window - others))

    # What is shown

    def _uses(self, now: float) -> list[Use]:
        requests, prompt, completion = (60 * each for each in self._sent.per_second(now))
        used = {
            "requests": requests,
            "tokens": prompt + completion,
            "prompt_tokens": prompt,
            "completion_tokens": completion,
        }
        uses = [
            Use(kind, self._allowed[kind][0], used[kind], self._allowed[kind][1]) for kind in self._buckets
        ]
        if self._window_source:
            uses.append(Use("in flight", self._window, self._members.in_flight, self._window_source))
        return uses


def _cost(kind: LimitKind, load: Load) -> int:
    if kind == "requests":
        return load.requests
    if kind == "tokens":
        return load.prompt + load.completion
    return load.prompt if kind == "prompt_tokens" else load.completion


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
