"""Whether a request is let in under the endpoint's limits, and what its answer says about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.simulator.bucket import TokenBucket
from nemo_sdg.simulator.ratelimit_headers import anthropic_headers, openai_headers, retry_after_headers

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.simulator.settings import Limits

# A server that is full of running requests cannot know when one ends.
FULL_RETRY_SECONDS = 1.0


class Refusal(NamedTuple):
    """Why a request was not let in, and after how many seconds it may be."""

    message: str
    kind: str
    wait: float


class Admission:
    """Limits at work: two buckets and a cap on concurrency, all or nothing."""

    def __init__(
        self,
        limits: Limits,
        monotonic: Callable[[], float],
        unix_time: Callable[[], float],
    ) -> None:
        """Start with full buckets; both clocks are in seconds."""
        self._limits = limits
        self._monotonic = monotonic
        self._unix_time = unix_time
        now = monotonic()
        self._buckets = {
            kind: TokenBucket(per_minute, limits.burst_seconds, now)
            for kind, per_minute in (
                ("requests", limits.requests_per_minute),
                ("tokens", limits.tokens_per_minute),
            )
            if per_minute is not None
        }
        self.unlimited = not self._buckets and limits.max_concurrent is None

    def admit(self, tokens: int, concurrency: int) -> Refusal | None:
        """Let a request of `tokens` in and charge it, or say why not; `concurrency` counts it."""
        if self._limits.max_concurrent is not None and concurrency > self._limits.max_concurrent:
            message = f"Too many concurrent requests: limit {self._limits.max_concurrent}."
            return Refusal(message, "requests", FULL_RETRY_SECONDS)
        now = self._monotonic()
        costs = {"requests": 1, "tokens": tokens}
        for kind, bucket in self._buckets.items():
            wait = bucket.wait(costs[kind], now)
            if wait > 0:
                message = (
                    f"Rate limit reached on {kind} per min: limit {bucket.per_minute:.0f},"
                    f" requested {costs[kind]}. Please try again in {wait:.3f}s."
                )
                return Refusal(message, kind, wait)
        for kind, bucket in self._buckets.items():
            bucket.take(costs[kind], now)
        return None

    def headers(self) -> str:
        """Return the lines that every answer carries now, in the style of the settings."""
        style = self._limits.headers
        if style == "none":
            return ""
        now = self._monotonic()
        if style == "openai":
            return "".join([openai_headers(kind, bucket, now) for kind, bucket in self._buckets.items()])
        unix_time = self._unix_time()
        return "".join(
            [anthropic_headers(kind, bucket, now, unix_time) for kind, bucket in self._buckets.items()]
        )

    def retry_headers(self, refusal: Refusal) -> str:
        """Return the lines that a refusal carries besides."""
        style = self._limits.headers
        return "" if style == "none" else retry_after_headers(refusal.wait, milliseconds=style == "openai")
