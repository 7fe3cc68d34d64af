from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from nemo_sdg import Resources
from nemo_sdg.engine import elastic, ray_engine
from nemo_sdg.engine.board import Board
from nemo_sdg.engine.elastic import ElasticPool
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.ray_engine import run_on_ray
from nemo_sdg.engine.work import divide
from nemo_sdg.simulator import Latency
from nemo_sdg.stages import Stage


def until(condition, seconds=60):
    """Wait for `condition`; the test fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "that did not come in time"
        time.sleep(0.02)


@pytest.fixture
def started(ray_instance):  # noqa: ARG001 - all of these run on the session's Ray
    """Return a context manager: inside, a pipeline runs on Ray; at its end it is waited for."""

    @contextmanager
    def start(pipeline, *pools):
        source, stages, sink = pipeline._taken_apart()
        folder = RunFolder(sink.path)
        folder.create()
        shards = source.plan(None)
        states = []

        def go():
            work = divide(source, stages, sink, 1)
            states.extend(parcel.state for parcel in run_on_ray(work, folder, shards, Board(), None, pools))

        thread = threading.Thread(target=go)
        thread.start()
        try:
            until(lambda: pools[0].working)
            yield thread
        finally:
            thread.join()
        assert states == ["done"] * len(shards)

    return start


@pytest.mark.ray
def test_a_pool_follows_and_nothing_else_resizes_it(
    simulator, qa_pipeline, started, rows_in, tmp_path, worker_pids
):
    """A saturated pool stays as it is, grows and shrinks when told, and no request is lost or made twice."""
    endpoint = simulator(latency=Latency.fixed(0.3))
    pool = ElasticPool(1, 4)
    rows = 2400

    with started(
        qa_pipeline(endpoint.base_url, tmp_path, num_samples=rows, max_concurrent_requests=16), pool
    ):
        sizes = set()
        for _ in range(13):  # longer than Ray waits before it resizes a pool that is as busy as this one
            time.sleep(1)
            sizes.add((pool.working, pool.starting, pool.resting, len(worker_pids())))
        assert sizes == {(1, 0, 0, 1)}
        assert endpoint.stats()["concurrency"]["now"] >= 15

        pool.desired = 4
        until(lambda: pool.working == 4)
        until(lambda: endpoint.stats()["concurrency"]["peak"] > 3 * 16)

        pool.desired = 1
        until(lambda: pool.working == 1)
        until(lambda: len(worker_pids()) == 1)
        assert (pool.working, pool.starting, pool.resting) == (1, 0, 0)
        assert pool.waiting > 0  # it shrank as told, not because the work was over

    assert rows_in(tmp_path).column("row_id").to_pylist() == list(range(rows))
    assert endpoint.stats()["by_status"]["200"] == rows
    assert not pool.fixed


@pytest.mark.ray
def test_workers_killed_while_a_pool_changes(simulator, qa_pipeline, started, rows_in, tmp_path, worker_pids):
    """`kill -9` of a new worker and of a resting one loses no row, and sizes are as told again."""
    endpoint = simulator(latency=Latency.fixed(0.3))
    pool = ElasticPool(1, 3)
    rows = 1600

    with started(
        qa_pipeline(endpoint.base_url, tmp_path, num_samples=rows, max_concurrent_requests=16), pool
    ):
        pool.desired = 3
        until(lambda: pool.working == 3)
        os.kill(worker_pids()[-1], signal.SIGKILL)
        until(lambda: len(worker_pids()) == 3)
        time.sleep(2)
        pool.desired = 1
        until(lambda: pool.working == 1)
        os.kill(worker_pids()[-1], signal.SIGKILL)
        until(lambda: pool.resting == 0 and len(worker_pids()) == 1)

    assert rows_in(tmp_path).column("row_id").to_pylist() == list(range(rows))
    # 16 in flight of each that was killed, and what came in since its last heartbeat.
    assert endpoint.stats()["requests"] - rows <= 2 * (16 + 60)


@pytest.mark.ray
def test_workers_without_room_hold_nothing_up(
    simulator, qa_pipeline, started, rows_in, tmp_path, monkeypatch
):
    """Workers that the cluster has no room for are waited for in the background, and can be called off."""
    monkeypatch.setattr(ray_engine, "_CPUS", 2.0)  # of the session's 4
    endpoint = simulator(latency=Latency.fixed(0.3))
    pool = ElasticPool(1, 4)

    with started(
        qa_pipeline(endpoint.base_url, tmp_path, num_samples=1000, max_concurrent_requests=16), pool
    ):
        pool.desired = 4
        until(lambda: pool.working == 2)
        before = endpoint.stats()["requests"]
        until(lambda: endpoint.stats()["requests"] > before + 200)
        assert (pool.working, pool.starting) == (2, 2)
        pool.desired = 2
        until(lambda: pool.starting == 0)
        pool.desired = 4  # and two are still waiting when the work is over

    assert rows_in(tmp_path).num_rows == 1000


class Apart(Stage):
    """Runs in workers of its own."""

    def process(self, batch):
        return batch


@pytest.mark.ray
def test_one_pool_of_two_follows(simulator, qa_pipeline, started, rows_in, tmp_path, worker_pids):
    """A pool with workers of its own keeps its number when the one before it changes."""
    endpoint = simulator(latency=Latency.fixed(0.3))
    pool = ElasticPool(1, 2)
    apart = Apart().with_(resources=Resources(cpus=0.1), workers=1)
    pipeline = qa_pipeline(
        endpoint.base_url, tmp_path, num_samples=600, more=[apart], max_concurrent_requests=16
    )

    with started(pipeline, pool, None):
        pool.desired = 2
        until(lambda: pool.working == 2)
        assert len(worker_pids()) == 3

    assert rows_in(tmp_path).num_rows == 600


@pytest.mark.ray
def test_another_ray_than_expected(simulator, qa_pipeline, started, rows_in, tmp_path, monkeypatch):
    """Where Ray's internals are others, the job runs with the workers that it began with, and says so."""

    def keep_at(_actors, size):
        if size != 2:
            raise AttributeError("no attribute '_config'")

    monkeypatch.setattr(elastic, "_keep_at", keep_at)
    endpoint = simulator(latency=Latency.fixed(0.3))
    pool = ElasticPool(2, 4)

    with started(qa_pipeline(endpoint.base_url, tmp_path, num_samples=300), pool):
        pool.desired = 4
        until(lambda: pool.fixed)

    assert rows_in(tmp_path).num_rows == 300
    assert "does not let the number of workers change (AttributeError: no attribute" in pool.fixed


def test_desired_stays_within_bounds():
    """More than `most` is `most`, less than `least` is `least`."""
    pool = ElasticPool(2, 5)

    assert pool.desired == 2
    pool.desired = 9
    assert pool.desired == 5
    pool.desired = 0
    assert pool.desired == 2


def test_a_dataset_that_cannot_be_followed_is_left_alone():
    """Without the hook that is needed sizes stay, and the reason is said."""
    pool = ElasticPool(1, 2)

    elastic.let_follow(SimpleNamespace(), [pool])

    assert "no attribute 'context'" in pool.fixed
