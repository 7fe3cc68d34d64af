"""How long to wait before trying again."""

from __future__ import annotations

import random

LONGEST_DELAY = 60.0
"""Seconds: the bound of a delay that we choose."""


def backoff(retry: int, base_delay: float, after: float | None = None) -> float:
    """Return the seconds to wait before retry number `retry` (1, 2, ...), with full jitter.

    A wait that the server asked for (`after`) is the least; up to `base_delay` is added to it so that those
    who were asked together do not return together.
    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
    """
    if after is not None:
        return after + random.uniform(0.0, base_delay)
    return random.uniform(0.0, min(LONGEST_DELAY, base_delay * 2.0 ** min(retry - 1, 30)))
