from __future__ import annotations

import asyncio
import random

import pytest

from nemo_sdg.limits import Kind
from nemo_sdg.planner.endpoint import ModelledEndpoint, mean_latency
from nemo_sdg.planner.virtual_time import in_virtual_time
from nemo_sdg.simulator import Latency, Limits, SimulatorSettings


def ask(settings, number, tokens=100):
    """Ask so many times at once; return the endpoint, what was answered, and the seconds that it took."""

    async def main(loop):
        endpoint = ModelledEndpoint(settings, loop.time, random.Random(1))
        answers = await asyncio.gather(*(endpoint.ask(tokens) for _ in range(number)))
        return endpoint, answers, loop.time()

    return in_virtual_time(main)


def test_mean_of_a_lognormal_latency():
    """Answers take the mean latency on average, which is above the median."""
    latency = Latency(median=2.0, sigma=0.6)

    endpoint, _, _ = ask(SimulatorSettings(latency=latency), 20_000)

    assert endpoint.request_seconds / 20_000 == pytest.approx(mean_latency(latency), rel=0.02)
    assert mean_latency(latency) == pytest.approx(2.394, abs=0.001)


def test_a_crowd_beyond_the_capacity_slows_answers():
    """With ten times as many in flight as there is capacity for, the last to come takes ten times as long."""
    _, _, alone = ask(SimulatorSettings(latency=Latency(median=1.0, capacity=4)), 1)
    _, _, crowd = ask(SimulatorSettings(latency=Latency(median=1.0, capacity=4)), 40)

    assert crowd == pytest.approx(10 * alone, rel=0.02)


def test_what_the_limit_does_not_allow_is_turned_away():
    """Requests beyond the limit are throttled and told when to come again, those within are answered."""
    limits = Limits(requests_per_minute=60, burst_seconds=3)

    endpoint, answers, _ = ask(SimulatorSettings(limits=limits), 5)

    kinds = [verdict.kind for verdict, _ in answers]
    assert kinds == [Kind.OK] * 3 + [Kind.THROTTLED] * 2
    assert answers[3][0].after == pytest.approx(1.0)
    assert (endpoint.attempts, endpoint.throttled) == (5, 2)


@pytest.mark.parametrize(("headers", "limit"), [("openai", 60), ("anthropic", 60), ("none", None)])
def test_limits_are_told_in_headers(headers, limit):
    """Answers tell the limit in the style of the settings, or not at all."""
    _, ((_, seen),), _ = ask(SimulatorSettings(limits=Limits(requests_per_minute=60, headers=headers)), 1)

    assert (seen["requests"].limit if seen else None) == limit


def test_tokens_are_charged():
    """A limit on tokens counts those of each request."""
    limits = Limits(tokens_per_minute=6000, burst_seconds=3)

    endpoint, _, _ = ask(SimulatorSettings(limits=limits), 5, tokens=100)

    assert endpoint.throttled == 2
