from __future__ import annotations

import os
import pickle
import signal
import time
from pathlib import Path

import pytest
import ray

from nemo_sdg.engine.board import Board
from nemo_sdg.engine.board_actor import RayNotices, on_cluster
from nemo_sdg.engine.heartbeat import Heartbeat, OpenShard
from nemo_sdg.engine.span import Span
from nemo_sdg.report.numbers import Counts

pytestmark = pytest.mark.ray


def beat(requests=1):
    """Return a heartbeat."""
    return Heartbeat({0: OpenShard(Counts(requests=requests), Counts())}, 0, 0, None, Span())


def until(condition, seconds=60):
    """Wait for `condition`; the test fails when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "that did not come in time"
        time.sleep(0.05)


def kill_board():
    """`kill -9` the process of the board's actor."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and b"ray::BoardActor" in (process / "cmdline").read_bytes():
            os.kill(int(process.name), signal.SIGKILL)
            return
    raise AssertionError("there is no board")


@pytest.fixture(autouse=True)
def _on_ray(ray_instance):
    """Every test here runs on the session's Ray."""


def seen(board):
    """Return the requests that the driver has heard of, by worker."""
    return {worker: found.shards[0].counts.requests for worker, found in board.beats().items()}


def test_posts_reach_the_driver_and_its_stop_reaches_workers():
    """Heartbeats of several workers arrive at the driver's board; after a stop each post says so."""
    board = Board()
    with on_cluster(board) as notices:
        other = pickle.loads(pickle.dumps(notices))

        def post():
            assert not notices.post("a", beat(1))
            assert not other.post("b", beat(2))
            return seen(board) == {"a": 1, "b": 2}

        until(post)

        board.stop()

        until(lambda: notices.post("a", beat()) and other.post("b", beat()))


def test_a_board_that_was_lost_comes_back_with_its_stop():
    """Killed, the board starts again; workers go on meanwhile, and hear of the stop from before."""
    board = Board()
    with on_cluster(board) as notices:
        until(lambda: [notices.post("a", beat(1)), seen(board)][-1])
        board.stop()
        until(lambda: notices.post("a", beat(1)))

        kill_board()
        fresh = pickle.loads(pickle.dumps(notices))
        longest = 0.0
        deadline = time.monotonic() + 60
        while not fresh.post("b", beat(7)) or "b" not in seen(board):
            assert time.monotonic() < deadline
            since = time.monotonic()
            fresh.post("b", beat(7))
            longest = max(longest, time.monotonic() - since)
            time.sleep(0.05)

    assert seen(board)["b"] == 7
    assert longest < 5  # nobody waits for a board that is away


def test_another_worker_makes_the_next_board():
    """The board ends with the worker that made it: another one makes the next, and the stop holds there."""
    board = Board()
    with on_cluster(board) as first:
        other = pickle.loads(pickle.dumps(first))
        until(lambda: [first.post("a", beat(1)), seen(board)][-1])
        until(lambda: [other.post("b", beat(2)), seen(board).get("b") == 2][-1])
        board.stop()

        ray.kill(first._actor)

        until(lambda: other.post("b", beat(3)) and seen(board)["b"] == 3)


def test_posting_without_a_cluster_does_no_harm():
    """Where there is no way to a board, posts change nothing, raise nothing and take no time."""
    notices = RayNotices("board-test", "f" * 56)

    assert [notices.post("a", beat()) for _ in range(5)] == [False] * 5
