"""When requests were under way, and how long they took."""

from __future__ import annotations

import msgspec

LATENCIES = 1000
"""Of the latest answers, kept as a sample for percentiles."""


class Span(msgspec.Struct):
    """When requests were under way, and how long they took."""

    first_request: float | None = None
    """Unix seconds."""
    last_answer: float | None = None
    """Unix seconds."""
    latency: list[float] = []
    """Seconds: those of the latest answers."""

    def add(self, now: float, latency: float) -> None:
        """Take in an answer that has just arrived; called for each one, so as little as may be."""
        started = now - latency
        if self.first_request is None or started < self.first_request:
            self.first_request = started
        self.last_answer = now
        self.latency.append(latency)
        if len(self.latency) > 2 * LATENCIES:
            del self.latency[:-LATENCIES]

    def join(self, other: Span) -> None:
        """Take in what `other` knows."""
        if other.first_request is not None and other.last_answer is not None:
            self.first_request = min(other.first_request, self.first_request or other.first_request)
            self.last_answer = max(other.last_answer, self.last_answer or other.last_answer)
        self.latency += other.latency
        if len(self.latency) > 2 * LATENCIES:
            del self.latency[:-LATENCIES]
