from __future__ import annotations

import os
import signal
import time

import pytest
from faults.jobs import Command, Job

from nemo_sdg.simulator import Latency


def until_asked(endpoint, number):
    """Wait until the endpoint has been asked so often."""
    while endpoint.stats()["requests"] < number:
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("signals", "within", "status"),
    [
        ([signal.SIGINT], 25, 3),
        ([signal.SIGHUP], 25, 3),
        ([signal.SIGINT, signal.SIGINT], 25, 130),
        ([signal.SIGTERM, signal.SIGTERM], 25, 143),
        ([signal.SIGTERM], 0.3, 143),
    ],
    ids=["once", "terminal closed", "twice", "terminated twice", "time is over"],
)
def test_the_exit_status_says_how_a_run_ended(simulator, tmp_path, signals, within, status):
    """3: all that was in flight is kept; 128 and the signal: it was given up, by a second one or in time."""
    endpoint = simulator(latency=Latency.fixed(3.0 if status > 3 else 0.3))
    job = Job(tmp_path, endpoint.base_url, options={"stop_within": within})
    command = Command(job)
    until_asked(endpoint, 8)

    for number in signals:
        os.kill(command.session, number)
        time.sleep(0.3)

    assert command.wait() == status, command.said()
    kept = sum(file.read_bytes().count(b"\n") for file in job.output.rglob("_run/answers/*/*.jsonl"))
    if status == 3:
        assert kept == endpoint.stats()["by_status"]["200"]
        assert "finishing" in command.said()


def test_sigterm_on_ray_keeps_what_is_in_flight(endpoint, tmp_path):
    """As Kubernetes and Slurm end a job: nothing is asked again, and the status says that all is kept."""
    command = Command(Job(tmp_path, endpoint.base_url, engine="ray", workers=2))
    until_asked(endpoint, 40)

    os.kill(command.session, signal.SIGTERM)

    assert command.wait() == 3, command.said()
    kept = sum(
        file.read_bytes().count(b"\n") for file in (tmp_path / "out" / "_run" / "answers").rglob("*.jsonl")
    )
    assert kept == endpoint.stats()["requests"]
