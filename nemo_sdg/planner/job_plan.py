"""What is foretold of a job, as data."""

from __future__ import annotations

import msgspec

from nemo_sdg.planner.bounds import Bound
from nemo_sdg.planner.scaling import Scaled, Scaling


class StagePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One stage that asks."""

    stage: str
    model: str
    endpoint: str
    requests: int
    prompt_tokens: float
    """Of one request, on average."""
    completion_tokens: float


class LatencyPlan(msgspec.Struct, frozen=True):
    """How long an answer takes: lognormally distributed."""

    median: float
    sigma: float
    capacity: int | None
    source: str
    """Who says so: "measured", "given", "configured" or "assumed"."""


class JobPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A job: what it asks, what that costs, and how long it takes with how many workers."""

    pipeline: str
    simulated: bool
    """The simulated endpoint answers."""
    measured: int
    """Requests that were answered to learn from them; 0: nothing was sent."""
    rows: int
    engine: str
    workers: int
    stages: list[StagePlan]
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """In the currency of the prices; None without them."""
    latency: LatencyPlan
    limit: Bound | None
    """The endpoint's tightest one; None while none is known."""
    bound: Bound
    """What binds first with `workers`."""
    useful_workers: int
    expected: Scaled
    """With `workers`."""
    scaling: Scaling
    tightest: str
    """The stages whose endpoint and model `latency`, `limit` and the times are of."""
    assumptions: list[str]
