"""What a worker says of itself, twice a second."""

from __future__ import annotations

import msgspec

from nemo_sdg.engine.span import Span
from nemo_sdg.report.numbers import Counts, EndpointUse

BEAT = 0.5
"""Seconds between heartbeats; as often journals are flushed and a worker hears whether to stop."""


class Heartbeat(msgspec.Struct):
    """What a worker says of itself."""

    counts: Counts
    """Of shards that it has not committed yet, in this attempt at them."""
    in_flight: int
    allowed: int
    newest: str | None
    span: Span
    """Of the worker's whole life."""
    endpoints: list[EndpointUse] = []
    held_back: dict[str, float] = {}
    """Seconds of the worker's whole life, by what kept it from sending more."""
    earlier: Counts = msgspec.field(default_factory=Counts)
    """What attempts before had paid for those shards."""
    shards: list[int] = []
    """Those that it works on."""
    time: float = 0.0
    """Unix seconds at which the driver's machine heard of it: clocks of machines may differ."""
