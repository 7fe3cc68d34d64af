"""What a worker says of itself, twice a second."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from nemo_sdg.engine.span import Span
from nemo_sdg.report.numbers import Counts, EndpointUse

BEAT = 0.5
"""Seconds between heartbeats; as often journals are flushed and a worker hears whether to stop."""


class OpenShard(NamedTuple):
    """What is counted of a shard that a worker has not given back."""

    counts: Counts
    """Of this run, in this attempt at it."""
    earlier: Counts
    """What attempts before had paid for it."""


class Heartbeat(msgspec.Struct):
    """What a worker says of itself."""

    shards: dict[int, OpenShard]
    """Those that it works on, by their index."""
    in_flight: int
    allowed: int
    newest: str | None
    span: Span
    """Of the worker's whole life."""
    endpoints: list[EndpointUse] = []
    held_back: dict[str, float] = {}
    """Seconds of the worker's whole life, by what kept it from sending more."""
    time: float = 0.0
    """Unix seconds at which the driver's machine heard of it: clocks of machines may differ."""
