"""The rate-limit headers of the common endpoints, written from the state of the buckets."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemo_sdg.simulator.bucket import TokenBucket


def openai_duration(seconds: float) -> str:
    """Write a duration as OpenAI's headers do: "12ms", "7.66s", "6m0s", "1h0m0s"."""
    whole, rest = divmod(max(0, math.ceil(seconds * 1000 - 1e-6)), 1000)
    if rest and not whole:
        return f"{rest}ms"
    minutes, second = divmod(whole, 60)
    text = f"{second}.{rest:03d}".rstrip("0") + "s" if rest else f"{second}s"
    if not minutes:
        return text
    hours, minute = divmod(minutes, 60)
    return f"{hours}h{minute}m{text}" if hours else f"{minute}m{text}"


def openai_headers(kind: str, bucket: TokenBucket, now: float) -> str:
    """Return the three `x-ratelimit-*` lines of one limit ("requests" or "tokens")."""
    remaining = max(0, int(bucket.level(now)))
    return (
        f"x-ratelimit-limit-{kind}: {bucket.per_minute:.0f}\r\n"
        f"x-ratelimit-remaining-{kind}: {remaining}\r\n"
        f"x-ratelimit-reset-{kind}: {openai_duration(bucket.seconds_to_full(now))}\r\n"
    )


def anthropic_headers(kind: str, bucket: TokenBucket, now: float, unix_time: float) -> str:
    """Return the three `anthropic-ratelimit-*` lines of one limit; reset is an RFC 3339 time."""
    remaining = max(0, int(bucket.level(now)))
    full = datetime.fromtimestamp(unix_time + bucket.seconds_to_full(now), UTC)
    reset = full.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return (
        f"anthropic-ratelimit-{kind}-limit: {bucket.per_minute:.0f}\r\n"
        f"anthropic-ratelimit-{kind}-remaining: {remaining}\r\n"
        f"anthropic-ratelimit-{kind}-reset: {reset}\r\n"
    )


def retry_after_headers(wait: float, *, milliseconds: bool) -> str:
    """Return `Retry-After` in whole seconds, rounded up, and on demand `retry-after-ms`."""
    text = f"retry-after: {max(1, math.ceil(wait))}\r\n"
    if milliseconds:
        text += f"retry-after-ms: {max(1, math.ceil(wait * 1000))}\r\n"
    return text
