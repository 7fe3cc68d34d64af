"""What a simulator counts: answers, faults, tokens, repeats and the exact concurrency over time."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.simulator.reply import Reply

# How many arrivals (16 bytes each) and answered requests (about 100 bytes each) are remembered.
REMEMBERED = 2_000_000


class Stats:
    """Counters of completion requests; other routes do not count."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        unix_time: Callable[[], float],
        remembered: int = REMEMBERED,
    ) -> None:
        """Start at zero; both clocks are in seconds."""
        self._monotonic = monotonic
        self._unix_offset = unix_time() - monotonic()
        self._remembered = remembered
        self.concurrency = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but how many requests are open now."""
        self.connections = 0
        self._requests = 0
        self._abandoned = 0
        self._choices = 0
        self._paid = 0
        self._repeats = 0
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._by_status: Counter[int] = Counter()
        self._by_fault: Counter[str] = Counter()
        self._fingerprints: set[int] = set()
        self._capped = False
        self._peak = self.concurrency
        self._area = 0.0
        self._area_time = self._monotonic()
        # At each arrival: the time, and the integral of concurrency over time up to then. A mean
        # between any two arrivals is then one subtraction and one division.
        self._times = array("d")
        self._areas = array("d")
        self._first: tuple[float, float] | None = None
        self._last: tuple[float, float] | None = None
        self._last_response: float | None = None

    def _integrate(self) -> float:
        now = self._monotonic()
        self._area += self.concurrency * (now - self._area_time)
        self._area_time = now
        return now

    def arrive(self) -> None:
        """Count a request that has been read in full."""
        now = self._integrate()
        self.concurrency += 1
        self._peak = max(self._peak, self.concurrency)
        self._requests += 1
        self._last = (now, self._area)
        if self._first is None:
            self._first = self._last
        if len(self._times) < self._remembered:
            self._times.append(now)
            self._areas.append(self._area)
        else:
            self._capped = True

    def leave(self, reply: Reply, *, written: bool) -> None:
        """Count a request whose answer was written, or whose client left before that."""
        now = self._integrate()
        self.concurrency -= 1
        if reply.fault is not None:
            self._by_fault[reply.fault] += 1
        if not written:
            self._abandoned += reply.fault is None
            return
        self._last_response = now
        self._by_status[reply.status] += 1
        if reply.usage is None:
            return
        self._paid += 1
        self._choices += reply.choices
        self._prompt_tokens += reply.usage.prompt_tokens
        self._completion_tokens += reply.usage.completion_tokens
        if reply.fingerprint in self._fingerprints:
            self._repeats += 1
        elif len(self._fingerprints) < self._remembered:
            self._fingerprints.add(reply.fingerprint)
        else:
            self._capped = True

    def snapshot(self) -> dict[str, Any]:
        """Return all figures as plain JSON values; times are unix seconds, None where there is none."""
        count = len(self._times)
        central = None
        if count:
            i, j = count // 20, count - 1 - count // 20
            central = _mean((self._times[i], self._areas[i]), (self._times[j], self._areas[j]))
        return {
            "requests": self._requests,
            "by_status": {str(status): number for status, number in sorted(self._by_status.items())},
            "by_fault": dict(sorted(self._by_fault.items())),
            "abandoned": self._abandoned,
            "completions": self._choices,
            "paid": self._paid,
            "repeats": self._repeats,
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": self._completion_tokens,
            "connections": self.connections,
            "concurrency": {
                "now": self.concurrency,
                "peak": self._peak,
                "mean": _mean(self._first, self._last),
            },
            "mean_concurrency_central": central,
            "first_request_time": self._unix(self._first and self._first[0]),
            "last_request_time": self._unix(self._last and self._last[0]),
            "last_response_time": self._unix(self._last_response),
            "capped": self._capped,
        }

    def _unix(self, time: float | None) -> float | None:
        return None if time is None else time + self._unix_offset


def _mean(start: tuple[float, float] | None, end: tuple[float, float] | None) -> float | None:
    if start is None or end is None or end[0] <= start[0]:
        return None
    return (end[1] - start[1]) / (end[0] - start[0])
