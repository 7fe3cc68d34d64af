from __future__ import annotations

import copy
import threading
import time

import pytest

from nemo_sdg import AsyncOpenAIClient, LLMGenerationStage
from nemo_sdg.engine.board import Board
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.work import Parcel, divide
from nemo_sdg.engine.worker import Worker
from nemo_sdg.limits import LocalLink
from nemo_sdg.simulator import Latency


@pytest.fixture
def folder(tmp_path):
    """Return an empty run folder."""
    folder = RunFolder(tmp_path / "out")
    folder.create()
    return folder


@pytest.fixture
def worker(folder):
    """Return a function that makes a worker for a pool; all end with the test."""
    running = []

    def make(pool, board=None):
        made = Worker(
            copy.deepcopy(pool), folder, lambda _: LocalLink(time.monotonic), board or Board(), "job"
        )
        running.append(made)
        return made

    yield make
    for made in running:
        made.close()


@pytest.fixture
def two_pools(simulator, qa_pipeline, folder):
    """Return an endpoint, and two pools that ask it, with one shard to go through both."""
    endpoint = simulator(latency=Latency.fixed(0.05))
    client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", max_concurrent_requests=4)
    second = LLMGenerationStage(client, "m", prefix="second_").with_(workers=1)
    pipeline = qa_pipeline(endpoint.base_url, folder.url, num_samples=40, more=[second])
    source, stages, sink = pipeline._taken_apart()
    (shard,) = source.plan(40)
    return endpoint, divide(source, stages, sink, 1), shard


def killed(worker, parcel, folder, answers):
    """Have a worker take a shard until so many answers are kept, and then nothing comes of it."""
    thread = threading.Thread(target=worker.run, args=(parcel,))
    thread.start()
    while len(folder.entries(parcel.shard.index)) < answers:
        time.sleep(0.02)
    worker.abort()
    thread.join()


def test_what_killed_workers_paid_counts_once(two_pools, worker, folder):
    """However often workers of either pool are lost, the totals are those of all kept answers."""
    endpoint, (first, second), shard = two_pools
    killed(worker(first), Parcel(shard), folder, 10)
    halfway = worker(first).run(Parcel(shard))
    assert halfway.counts.requests + halfway.earlier.requests == 40
    killed(worker(second), copy.deepcopy(halfway), folder, 50)
    killed(worker(second), copy.deepcopy(halfway), folder, 60)

    done = worker(second).run(halfway)

    kept = folder.entries(0)
    total = folder.done()[0].counts
    assert (done.state, len(kept)) == ("done", 80)
    assert total.requests == 80
    assert total.attempts == sum(entry.attempts for entry in kept) == 80
    usage = [entry.raw["usage"] for entry in kept]
    assert total.completion_tokens == sum(use["completion_tokens"] for use in usage)
    assert total.prompt_tokens == sum(use["prompt_tokens"] for use in usage)
    assert total.reused == done.earlier.requests >= 30
    assert (total.rows_read, total.rows_written) == (40, 40)
    assert 80 <= endpoint.stats()["requests"] <= 80 + 8 + 4 + 4  # and what was in flight at the kills


def test_a_first_pool_that_is_run_again_counts_what_later_ones_paid(two_pools, worker, folder):
    """When the rows between two pools are lost as well, the shard begins anew and still counts all once."""
    _, (first, second), shard = two_pools
    killed(worker(second), worker(first).run(Parcel(shard)), folder, 50)

    again = worker(first).run(Parcel(shard))
    paid = again.earlier.requests
    done = worker(second).run(copy.deepcopy(again))

    assert (again.counts.requests, again.counts.reused) == (0, 40)
    assert 50 <= paid < 80
    assert (done.earlier.requests, done.earlier.requests + done.counts.requests) == (paid, 80)
    assert folder.done()[0].counts.requests == 80


def test_a_shard_that_is_done_is_not_worked_on_again(two_pools, worker, folder):
    """Rerun for a block that was lost, it comes back as done with its counts, from whichever pool."""
    endpoint, (first, second), shard = two_pools
    halfway = worker(first).run(Parcel(shard))
    worker(second).run(copy.deepcopy(halfway))
    asked = endpoint.stats()["requests"]
    total = folder.done()[0].counts

    for parcel in (worker(first).run(Parcel(shard)), worker(second).run(halfway)):
        assert (parcel.state, parcel.rows, parcel.rejections) == ("done", b"", [])
        assert parcel.counts == total
        assert parcel.earlier.requests == 0

    assert endpoint.stats()["requests"] == asked


def test_a_worker_says_what_it_is_at(two_pools, worker, folder):
    """Its heartbeat has its open shards, what they have paid now, and what was paid before."""
    endpoint, (first, _), shard = two_pools
    killed(worker(first), Parcel(shard), folder, 10)
    before = len(folder.entries(0))
    endpoint.control(latency=Latency.fixed(0.2))
    board = Board()
    at_work = worker(first, board)
    thread = threading.Thread(target=at_work.run, args=(Parcel(shard),))
    thread.start()
    seen = []
    while thread.is_alive():
        seen += board.beats().values()
        time.sleep(0.1)
    (name,) = board.beats()
    while board.beats()[name].shards:
        time.sleep(0.1)

    open_ones = [beat for beat in seen if beat.shards]
    assert all(list(beat.shards) == [0] for beat in open_ones)
    assert {beat.shards[0].earlier.requests for beat in open_ones} == {before}
    assert 0 < max(beat.shards[0].counts.requests for beat in open_ones) <= 40 - before


def test_a_board_that_says_stop_is_obeyed(two_pools, worker):
    """After a stop nothing more is sent, what is in flight is kept, and the shard comes back as stopped."""
    endpoint, (first, _), shard = two_pools
    endpoint.control(latency=Latency.fixed(0.3))
    board = Board()
    board.stop()
    at_work = worker(first, board)
    parcel = at_work.run(Parcel(shard))
    late = at_work.run(Parcel(shard))

    assert (parcel.state, late.state) == ("stopped", "stopped")
    assert parcel.counts.requests == endpoint.stats()["requests"] < 40
    assert parcel.counts.failures == 0


def test_answers_that_cannot_be_kept_end_the_job(two_pools, worker, folder, monkeypatch):
    """When flushes fail for too long, nothing more is sent, and the parcel says why and what to do."""
    from nemo_sdg.engine import flusher
    from nemo_sdg.storage.local import LocalAppender

    endpoint, (first, _), shard = two_pools
    endpoint.control(latency=Latency.fixed(0.3))
    assert folder

    def full(self, *, patiently=True):
        del self, patiently
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(flusher, "LONGEST", 0.0)
    monkeypatch.setattr(LocalAppender, "flush", full)

    parcel = worker(first).run(Parcel(shard))

    assert (parcel.state, parcel.error) == ("failed", "OutputError")
    assert "No space left on device" in parcel.message
    assert "run the same command again" in parcel.message
    assert endpoint.stats()["requests"] < 40
