"""What the fault suite shares: the way to its helpers, and the rows of an undisturbed run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nemo_sdg.simulator import Latency, SimulatorSettings, SimulatorThread

sys.path.insert(0, str(Path(__file__).parents[1]))  # helpers are imported as `faults`, by ./dev faults too

LATENCY = Latency.lognormal(0.1, 0.5)


@pytest.fixture
def latency():
    """Return how long the simulated endpoint takes."""
    return LATENCY


@pytest.fixture
def endpoint(simulator):
    """Return a simulated endpoint with that latency."""
    return simulator(latency=LATENCY)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return a job that ran undisturbed to its end; to be copied, not changed."""
    from faults.check import check
    from faults.jobs import Command, Job

    with SimulatorThread(SimulatorSettings()) as quick:
        job = Job(tmp_path_factory.mktemp("undisturbed"), quick.base_url, in_flight=64)
        command = Command(job)
        assert command.wait() == 0, command.said()
        assert not check(job.output, job.rows).wrong
        assert quick.stats()["requests"] == job.rows
    return job


@pytest.fixture(scope="session")
def undisturbed(finished):
    """Return the rows that an undisturbed run makes."""
    from faults.check import rows_of

    return rows_of(finished.output)
