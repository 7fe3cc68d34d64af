"""The endpoint as it is known: measured, configured, given or assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.planner.job_plan import LatencyPlan
from nemo_sdg.planner.lognormal import fitted
from nemo_sdg.simulator import Latency, SimulatorSettings
from nemo_sdg.simulator import Limits as EndpointLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemo_sdg.limits import Limits
    from nemo_sdg.planner.measured import Measured

MEDIAN, SIGMA = 2.0, 0.6
"""Seconds, and the spread of their logarithm, of an endpoint of which nothing is known."""


def latency_of(
    measured: Measured | None, simulator: SimulatorSettings | None, given: float | None
) -> LatencyPlan:
    """Return the latency to plan with: as measured, else as `given`, else as configured, else assumed."""
    configured = simulator.latency if simulator else None
    capacity = configured.capacity if configured else None
    if measured is not None:
        found, source = fitted(measured.latencies, capacity), "measured"
    elif given is not None:
        sigma = configured.sigma if configured else SIGMA
        found, source = Latency(median=given, sigma=sigma, capacity=capacity), "given"
    elif configured is not None:
        found, source = configured, "configured"
    else:
        found, source = Latency(median=MEDIAN, sigma=SIGMA), "assumed"
    return LatencyPlan(found.median, found.sigma, found.capacity, source)


def endpoint_of(
    measured: Measured | None,
    simulator: SimulatorSettings | None,
    configured: Limits,
    tokens: tuple[float, float],
    latency: LatencyPlan,
) -> SimulatorSettings:
    """Return the endpoint to plan with; `tokens` are those of a request's prompt and completion.

    A limit that is configured is taken to be the endpoint's; one that was seen in headers is told in headers.
    """
    delay = Latency(median=latency.median, sigma=latency.sigma, capacity=latency.capacity)
    if simulator is not None:
        return SimulatorSettings(latency=delay, limits=simulator.limits)
    seen = measured.limits if measured else {}
    prompt, completion = tokens
    # The simulator knows no limit on one kind of tokens alone: that many of all of them are the same.
    per_minute = [
        configured.tokens_per_minute,
        seen.get("tokens"),
        seen["prompt_tokens"] * (prompt + completion) / max(1.0, prompt) if "prompt_tokens" in seen else None,
        seen["completion_tokens"] * (prompt + completion) / max(1.0, completion)
        if "completion_tokens" in seen
        else None,
    ]
    learnt = measured.learnt if measured and "requests" not in seen else None
    limits = EndpointLimits(
        requests_per_minute=_least([configured.requests_per_minute, seen.get("requests"), learnt]),
        tokens_per_minute=_least(per_minute),
        headers="openai" if seen else "none",
    )
    return SimulatorSettings(latency=delay, limits=limits)


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)
