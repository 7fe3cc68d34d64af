"""Latencies in buckets: few numbers that add up over workers, shards and runs."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST = 0.001
_PER_DOUBLING = 8
"""Buckets; what is read from them is at most 9 % off."""
_DOUBLINGS = 23
"""From a millisecond to over two hours."""
_BOUNDS = [_LEAST * 2 ** (step / _PER_DOUBLING) for step in range(_PER_DOUBLING * _DOUBLINGS + 1)]
_NAMES = [f"{bound:.4g}" for bound in _BOUNDS]
_NARROW = 2 ** (-1 / _PER_DOUBLING)


def bucket_of(seconds: float) -> str:
    """Return the name of the bucket of a latency: its upper bound in seconds; called for each answer."""
    return _NAMES[min(bisect_left(_BOUNDS, seconds), len(_NAMES) - 1)]


def bins(buckets: Mapping[str, int]) -> list[tuple[float, float, int]]:
    """Return lower bound, upper bound and number of each bucket, in order; seconds.

    What is no bucket, as from another version, is passed over.
    """
    found = []
    for name, number in buckets.items():
        try:
            bound = float(name)
        except ValueError:
            continue
        if number > 0 and 0 < bound < _BOUNDS[-1] * 2:
            found.append((bound * _NARROW, bound, number))
    return sorted(found)


def percentiles(buckets: Mapping[str, int], shares: tuple[int, ...] = (50, 95, 99)) -> dict[str, float]:
    """Return the latency in seconds that so many percent of the answers stay below, as "p50"."""
    ordered = bins(buckets)
    whole = sum(number for _, _, number in ordered)
    if not whole:
        return {}
    found = {}
    for share in shares:
        rest = share / 100 * whole
        for low, high, number in ordered:
            if rest <= number:
                found[f"p{share}"] = low * (high / low) ** (rest / number)
                break
            rest -= number
    return found
