"""Who shares a budget, and whose turn it is: fair between jobs, and between the members of a job."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from nemo_sdg.limits.exchange import Load, Slot
from nemo_sdg.limits.fair import fair_shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.limits.exchange import Report


class Member:
    """One limiter that takes part."""

    def __init__(self, report: Report, job: Job) -> None:
        self.name = report.member
        self.job = job
        self.report = report
        self.seen_at = 0.0
        self.wanted: deque[Load] = deque()
        self.mailbox: list[tuple[float, Load]] = []
        """Slots that it does not know of yet, with their times."""
        self.window = 0
        """Attempts in flight that were granted."""
        self.target = 0
        """Attempts in flight that are its due."""
        self.service = 0.0
        """Seconds of the limits' time that it was given."""
        self.share: float | None = None
        """Of the rates, while a lost budget is being rebuilt."""

    @property
    def held(self) -> int:
        """Attempts that may be in flight at this moment, whether it knows of its last grant or not."""
        return max(self.window, self.report.window, self.report.in_flight)

    def take_slots(self, now: float) -> list[Slot]:
        """Empty the mailbox."""
        slots = [Slot(max(0.0, at - now), load) for at, load in self.mailbox]
        self.mailbox = []
        return slots


class Job:
    """The members of one job, in the order of their turns."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Member] = {}
        self.service = 0.0
        self._turns: list[tuple[float, str]] = []
        self._now_serving = 0.0

    def wants(self, member: Member) -> None:
        """Put `member` in line; one that was away gets no more than others for that."""
        member.service = max(member.service, self._now_serving)
        heapq.heappush(self._turns, (member.service, member.name))

    def next(self) -> Member | None:
        """Return the member whose turn it is; None when nobody wants anything."""
        while self._turns:
            service, name = self._turns[0]
            member = self.members.get(name)
            if member is not None and member.wanted and member.service == service:
                return member
            heapq.heappop(self._turns)  # it went, was served already, or wants nothing any more
        return None

    def serve(self, member: Member, seconds: float) -> None:
        """Count what `member` was given, and let the next one have its turn."""
        heapq.heappop(self._turns)
        self._now_serving = member.service
        member.service += seconds
        self.service += seconds
        if member.wanted:
            heapq.heappush(self._turns, (member.service, member.name))


class Members:
    """All who share one budget."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._all: dict[str, Member] = {}
        self.in_flight = 0
        """Attempts in flight, of all."""
        self.most = 0
        """Attempts that all could have in flight."""
        self.held = 0
        """Attempts that may be in flight at this moment, of all."""

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._all.values())

    @property
    def jobs(self) -> int:
        """How many jobs take part."""
        return len(self._jobs)

    def take_in(self, report: Report) -> Member:
        """Return the member that sent `report`, who may be new."""
        member = self._all.get(report.member)
        if member is None:
            job = self._jobs.get(report.job)
            if job is None:
                job = self._jobs[report.job] = Job(report.job)
                job.service = max((other.service for other in self._jobs.values()), default=0.0)
            member = self._all[report.member] = job.members[report.member] = Member(report, job)
        else:
            self._count(member, -1)
            member.report = report
        self._count(member, 1)
        return member

    def grant(self, member: Member, window: int) -> None:
        """Let `member` have `window` attempts in flight."""
        self.held -= member.held
        member.window = window
        self.held += member.held

    def _count(self, member: Member, sign: int) -> None:
        self.in_flight += sign * member.report.in_flight
        self.most += sign * member.report.most
        self.held += sign * member.held

    def remove(self, member: Member) -> None:
        """Forget a member that left or died."""
        self._count(member, -1)
        del self._all[member.name]
        del member.job.members[member.name]
        if not member.job.members:
            del self._jobs[member.job.name]

    def next(self) -> Member | None:
        """Return whose turn it is: of the job that was given least, the member that was given least."""
        best: Member | None = None
        least = 0.0
        for job in self._jobs.values():
            if best is not None and job.service >= least:
                continue
            member = job.next()
            if member is not None:
                best, least = member, job.service
        if best is not None:
            for job in self._jobs.values():  # a job that wants nothing now saves nothing up
                job.service = max(job.service, least - 1.0)
        return best

    def divide(self, window: int) -> None:
        """Set each member's target: its fair part of `window` attempts in flight."""
        jobs = list(self._jobs.values())
        wants = [[_want(member) for member in job.members.values()] for job in jobs]
        caps = [[member.report.most for member in job.members.values()] for job in jobs]
        of_jobs = fair_shares(window, [sum(want) for want in wants])
        spare = fair_shares(
            window - sum(of_jobs),
            [sum(cap) - share for cap, share in zip(caps, of_jobs, strict=True)],
        )
        for job, share, more, want, cap in zip(jobs, of_jobs, spare, wants, caps, strict=True):
            targets = fair_shares(share, want)
            rooms = [most - target for most, target in zip(cap, targets, strict=True)]
            extras = fair_shares(more, rooms)
            for member, target, extra in zip(job.members.values(), targets, extras, strict=True):
                member.target = target + extra


def _want(member: Member) -> int:
    return min(member.report.most, member.report.in_flight + member.report.waiting)
