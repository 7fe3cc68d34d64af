"""One budget for all workers of a cluster: on Ray, over HTTP, with real kills."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import ray

from nemo_sdg.engine.budget_actor import budget_actor
from nemo_sdg.limits import Limits as Said
from nemo_sdg.simulator import Latency, Limits

PER_SECOND = 40
LATENCY = Latency.lognormal(0.1, 0.5)


@pytest.fixture(autouse=True)
def _on_ray(ray_instance):
    """All of these run on the session's Ray."""


def server(**limits):
    """Return the settings of an endpoint that turns away what is beyond its limit."""
    return {"latency": LATENCY, "limits": Limits(requests_per_minute=60 * PER_SECOND, **limits)}


class Answers(threading.Thread):
    """Notes over time how many requests an endpoint has answered."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.marks = []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            self.marks.append((time.monotonic(), self.endpoint.stats()["by_status"].get("200", 0)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def until(self, number):
        while not self.marks or self.marks[-1][1] < number:
            time.sleep(0.05)

    def steady(self):
        """Return the answers in a second between a tenth and nine tenths of all."""
        last = self.marks[-1][1]
        low, high = (next(mark for mark in self.marks if mark[1] >= part * last) for part in (0.1, 0.9))
        return (high[1] - low[1]) / (high[0] - low[0])


@pytest.mark.parametrize("known", ["configured", "headers"])
def test_workers_share_a_limit(known, simulator, qa_pipeline, run, rows_in, tmp_path):
    """Three workers with far more concurrency than needed use one limit, and are hardly ever turned away."""
    endpoint = simulator(**server(headers="openai" if known == "headers" else "none"))
    limits = Said(requests_per_minute=60 * PER_SECOND) if known == "configured" else None
    pipeline = qa_pipeline(
        endpoint.base_url, tmp_path / "out", num_samples=400, max_concurrent_requests=64, limits=limits
    )

    with Answers(endpoint) as answers:
        report = run(pipeline, "ray", workers=3, shard_rows=8)

    assert (report.state, rows_in(tmp_path / "out").num_rows) == ("finished", 400)
    assert endpoint.stats()["by_status"].get("429", 0) <= 8
    assert 0.85 * PER_SECOND <= answers.steady() <= 1.05 * PER_SECOND
    (use,) = [use for use in report.limits[-1].endpoints[0].limits if use.name == "requests"]
    assert (use.allowed, use.source) == (60 * PER_SECOND, known)
    assert max(report.held_back, key=report.held_back.get) == "requests per minute"


def test_limits_outlive_their_budget_and_a_worker(simulator, qa_pipeline, run, rows_in, tmp_path):
    """The budget's actor is killed twice, then a worker: nothing is lost, paid twice or sent too soon."""
    endpoint = simulator(**server(headers="none"))
    pipeline = qa_pipeline(
        endpoint.base_url,
        tmp_path / "out",
        num_samples=700,
        max_concurrent_requests=64,
        limits={"requests_per_minute": 60 * PER_SECOND},
    )
    killed = []

    def kill():
        for number in (100, 250):
            answers.until(number)
            (name,) = [
                actor["name"]
                for actor in ray.util.list_named_actors(all_namespaces=True)
                if actor["name"] == f"budget-{_name(pipeline).digest}"
            ]
            ray.kill(ray.get_actor(name, namespace="nemo_sdg"))
            killed.append(name)
        answers.until(450)
        worker = _workers()[0]
        os.kill(worker, signal.SIGKILL)
        killed.append(worker)

    with Answers(endpoint) as answers:
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        report = run(pipeline, "ray", workers=2, shard_rows=8)
        killer.join()

    assert len(killed) == 3
    assert (report.state, rows_in(tmp_path / "out").num_rows) == ("finished", 700)
    stats = endpoint.stats()
    assert stats["by_status"].get("429", 0) <= 7
    assert stats["by_status"]["200"] <= 700 + 64  # those in flight at the worker that was killed
    fullest = max(
        (late - early) / (then - since)
        for since, early in answers.marks
        for then, late in answers.marks
        if 5 <= then - since < 5.2
    )
    assert fullest <= 1.1 * PER_SECOND  # answers; they bunch a little more than what was sent


def test_a_budget_that_nobody_uses_goes():
    """The actor of a budget is not left behind on the cluster for ever."""
    from nemo_sdg.engine import budget_actor as module  # noqa: PLC0415
    from nemo_sdg.limits import BudgetName  # noqa: PLC0415

    name = BudgetName("http://nobody", "", "m")
    actor = ray.remote(module.BudgetActor).options(num_cpus=0).remote(idle=0.5)
    assert ray.get(actor.ready.remote())
    with pytest.raises(ray.exceptions.RayActorError):
        for _ in range(100):
            ray.get(actor.ready.remote())
            time.sleep(0.1)
    ray.kill(budget_actor(name))


def _name(pipeline):
    (stage,) = [step for step in pipeline.steps if hasattr(step, "limiters")]
    (name,) = stage.limiters
    return name


def _workers():
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and b"RayWorker" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found
