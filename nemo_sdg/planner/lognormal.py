"""A latency distribution from measured latencies."""

from __future__ import annotations

import math
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from nemo_sdg.simulator import Latency

if TYPE_CHECKING:
    from collections.abc import Iterable

_LEAST = 1e-4  # seconds: no clock tells less
_MOST_SIGMA = 3.0


def fitted(latencies: Iterable[float], capacity: int | None = None) -> Latency:
    """Return the lognormal latency of which `latencies` in seconds, of which there are some, are samples."""
    logarithms = [math.log(max(_LEAST, each)) for each in latencies]
    return Latency(
        median=math.exp(fmean(logarithms)), sigma=min(_MOST_SIGMA, pstdev(logarithms)), capacity=capacity
    )
