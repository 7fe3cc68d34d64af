from __future__ import annotations

from nemo_sdg.engine.board import Board
from nemo_sdg.engine.heartbeat import Heartbeat, OpenShard
from nemo_sdg.engine.span import Span
from nemo_sdg.report.numbers import Counts


def beat(requests=1):
    """Return a heartbeat."""
    return Heartbeat({0: OpenShard(Counts(requests=requests), Counts())}, 0, 0, None, Span())


def test_the_latest_of_each_worker_is_seen():
    """The board has one heartbeat of each worker, with the time at which it heard of it."""
    board = Board()
    for worker, requests in (("a", 1), ("b", 2), ("a", 3)):
        board.post(worker, beat(requests))

    assert {worker: seen.shards[0].counts.requests for worker, seen in board.beats().items()} == {
        "a": 3,
        "b": 2,
    }
    assert all(seen.time > 0 for seen in board.beats().values())


def test_workers_hear_of_a_stop():
    """Once the driver stops, each post says so."""
    board = Board()
    assert not board.post("a", beat())

    board.stop()

    assert board.post("a", beat())
    assert board.post("b", beat())
