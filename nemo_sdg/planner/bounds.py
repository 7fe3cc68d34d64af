"""What bounds a job's throughput, and how many workers that leaves work for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.planner.endpoint import mean_latency

if TYPE_CHECKING:
    from nemo_sdg.planner.fleet import Fleet

WORKERS = "the workers' concurrency"
ROWS = "the number of rows"


class Bound(msgspec.Struct, frozen=True):
    """Something that lets no more than so many requests through."""

    name: str
    requests_per_second: float


def of_endpoint(fleet: Fleet) -> Bound | None:
    """Return the tightest limit of the endpoint that is known, as it was configured or found."""
    tokens = sum(each.total for each in fleet.tokens) / len(fleet.tokens)
    latency = max(1e-3, mean_latency(fleet.endpoint.latency))
    own, endpoint = fleet.limits, fleet.endpoint.limits
    found = [
        ("requests per minute", own.requests_per_minute, 60),
        ("requests per minute", endpoint.requests_per_minute, 60),
        ("tokens per minute", own.tokens_per_minute, 60 * tokens),
        ("tokens per minute", endpoint.tokens_per_minute, 60 * tokens),
        ("max_concurrent_requests of all workers", own.max_concurrent_requests, latency),
        ("requests in flight at the endpoint", endpoint.max_concurrent, latency),
        ("the endpoint's capacity", fleet.endpoint.latency.capacity, latency),
    ]
    bounds = [Bound(name, allowed / per) for name, allowed, per in found if allowed is not None]
    return min(bounds, key=lambda bound: bound.requests_per_second, default=None)


def binding(fleet: Fleet, limit: Bound | None) -> Bound:
    """Return what binds first: the endpoint's `limit`, the workers, or too few rows to keep them busy."""
    latency = max(1e-3, mean_latency(fleet.endpoint.latency))
    places = fleet.workers * fleet.places
    bounds = [Bound(WORKERS, places / latency)]
    if places > fleet.requests:
        bounds = [Bound(ROWS, fleet.requests / latency)]
    return min([*bounds, *([limit] if limit else [])], key=lambda bound: bound.requests_per_second)


def useful_workers(fleet: Fleet, limit: Bound | None) -> int:
    """Return how many workers can be kept busy: by Little's law, and with a shard for each."""
    latency = mean_latency(fleet.endpoint.latency)
    shards = math.ceil(fleet.requests / fleet.shard_rows)
    if limit is None:
        return shards
    return max(1, min(shards, math.ceil(round(limit.requests_per_second * latency / fleet.places, 6))))
