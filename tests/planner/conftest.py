"""Fleets to foretell."""

from __future__ import annotations

import pytest

from nemo_sdg.limits import Limits, Tokens
from nemo_sdg.planner.fleet import Fleet
from nemo_sdg.simulator import Latency, SimulatorSettings
from nemo_sdg.simulator import Limits as EndpointLimits


@pytest.fixture
def fleet():
    """Return a function that makes a fleet; `endpoint` are the limits of an endpoint."""

    def make(endpoint=None, *, median=0.1, sigma=0.5, capacity=None, **changes):
        settings = SimulatorSettings(
            latency=Latency(median=median, sigma=sigma, capacity=capacity),
            limits=EndpointLimits(**(endpoint or {})),
        )
        options = {
            "workers": 2,
            "places": 8,
            "limits": Limits(),
            "endpoint": settings,
            "tokens": [Tokens(80, 70), Tokens(100, 90)],
            "requests": 1_000,
            "shard_rows": 16,
            **changes,
        }
        return Fleet(**options)

    return make
