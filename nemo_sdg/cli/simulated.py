"""The simulated endpoint that stands in for a job without one."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator import SimulatorProcess
from nemo_sdg.simulator.settings import decode_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.pipelines.job_config import JobConfig
    from nemo_sdg.simulator import SimulatorSettings

_LATENCY = {"median": 0.1, "sigma": 0.5}  # seconds; so that a first run looks like one


@contextmanager
def simulated_endpoint(config: JobConfig) -> Iterator[JobConfig]:
    """Run a simulated endpoint in a process of its own; yield `config` pointing there.

    Its model is called "simulated" whatever the config says, so that nobody takes its rows for a model's.
    """
    with SimulatorProcess(simulator_settings(config)) as simulator:
        yield config.model_copy(update={"base_url": simulator.base_url, "model": SIMULATED})


def check_reachable(config: JobConfig) -> None:
    """Raise `ConfigError` where workers of a run could not reach a simulated endpoint."""
    if config.address or os.environ.get("RAY_ADDRESS"):
        raise ConfigError(
            "base_url is missing: the simulated endpoint listens on this machine only, where a cluster's "
            "workers cannot reach it; give base_url, or leave out --address and RAY_ADDRESS"
        )


def simulator_settings(config: JobConfig) -> SimulatorSettings:
    """Return how the simulated endpoint of `config` behaves; raises `ConfigError` for what it cannot do."""
    return decode_settings(msgspec.json.encode({"latency": _LATENCY, **(config.simulator or {})}))
