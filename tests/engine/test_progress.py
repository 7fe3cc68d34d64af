from __future__ import annotations

import time

from nemo_sdg.engine.board import Board
from nemo_sdg.engine.heartbeat import Heartbeat, OpenShard
from nemo_sdg.engine.manifest import ShardDone
from nemo_sdg.engine.progress import Progress
from nemo_sdg.engine.span import Span
from nemo_sdg.engine.work import Parcel
from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.rates import Rates
from nemo_sdg.stages import Shard


def test_a_snapshot_adds_earlier_runs_parcels_and_heartbeats():
    """What a person sees is the sum of what is committed, kept, came back, and is with workers: each once."""
    now = time.time()
    board = Board()
    kept = {1: Counts(requests=3), 2: Counts(requests=5), 3: Counts(requests=100)}
    before = ShardDone(0, Counts(rows_read=10, requests=10, prompt_tokens=100), ["m"])
    progress = Progress(board, 30, [before], kept, now - 5)
    parcel = Parcel(
        Shard(1, 10, 10),
        counts=Counts(rows_read=10, requests=11),
        earlier=Counts(requests=3, completion_tokens=30),
        models=["n"],
    )
    parcel.span.join(Span(now - 3, now - 1, [0.5]))
    progress.add(parcel)
    span = Span(now - 2, now, [0.25])
    board.post("w", Heartbeat({2: OpenShard(Counts(requests=4), EARLIER)}, 7, 8, "newest", span))
    board.post("left-behind", Heartbeat({3: OpenShard(Counts(requests=1000), Counts())}, 9, 9, None, Span()))
    board.beats()["left-behind"].time -= 60

    snapshot = progress.snapshot()

    assert (snapshot.counts.rows_read, snapshot.counts.requests) == (20, 10 + 11 + 3 + 4 + 5 + 100)
    assert (snapshot.rows_before, snapshot.requests_before, snapshot.tokens_before) == (10, 118, 150)
    assert (snapshot.in_flight, snapshot.allowed, snapshot.workers) == (7, 8, 1)
    assert snapshot.newest == "newest"
    assert progress.models == {"m", "n"}
    assert round(progress.seconds_to_first_request()) == 2
    assert round(progress.requests_per_second(), 1) == 5.5


EARLIER = Counts(requests=5, prompt_tokens=20)


def test_opening_a_shard_with_a_journal_is_no_progress():
    """What earlier attempts paid raises the totals, and not the rate of this run."""
    board = Board()
    progress = Progress(board, 10, [], {}, time.time())
    rates = Rates()
    made = []
    for elapsed, earlier in (
        (1.0, Counts()),
        (3.0, Counts()),
        (5.0, Counts(requests=1000, prompt_tokens=10**6)),
    ):
        shards = {0: OpenShard(Counts(requests=int(elapsed)), earlier)}
        board.post("w", Heartbeat(shards, 1, 1, None, Span()))
        snapshot = progress.snapshot()
        snapshot.elapsed = elapsed
        rates.add(snapshot)
        made.append(snapshot.counts.requests)

    assert made == [1, 3, 1005]
    assert rates.requests_now < 2
    assert rates.tokens_now == 0


def test_spans_join_in_any_order():
    """The first request is the earliest, the last answer the latest, and the sample stays bounded."""
    early, late = Span(1.0, 2.0, [0.1]), Span(3.0, 4.0, [0.2] * 5000)
    one, other = Span(), Span()
    for span in (early, late):
        one.join(span)
    for span in (late, early):
        other.join(span)

    assert (one.first_request, one.last_answer) == (other.first_request, other.last_answer) == (1.0, 4.0)
    assert len(one.latency) <= 2000


def test_rejected_segments_are_judged_as_segments():
    """Of 10 documents with 100 segments, 20 rejected segments are a fifth and not all."""
    progress = Progress(Board(), 10, [], {}, time.time())
    progress.add(Parcel(Shard(0, 0, 10), counts=Counts(rows_read=10, added=90, rejected={"s: E": 20})))

    assert progress.judged() == (20, 100)


def test_a_shard_counts_once():
    """One that came back, or that another worker took over, counts as who told of it last."""
    board = Board()
    progress = Progress(board, 30, [], {2: Counts(requests=7)}, time.time())

    def beat(worker, **requests):
        shards = {int(shard[1:]): OpenShard(*map(of, counts)) for shard, counts in requests.items()}
        board.post(worker, Heartbeat(shards, 1, 1, None, Span()))

    def of(requests):
        return Counts(requests=requests)

    def total():
        return progress.snapshot().counts.requests

    beat("a", s0=(6, 0), s1=(4, 0))
    assert total() == 6 + 4 + 7
    progress.add(Parcel(Shard(0, 0, 10), counts=Counts(requests=6)))
    assert total() == 6 + 4 + 7
    beat("b", s2=(1, 7))
    assert total() == 6 + 4 + 7 + 1
    beat("c", s1=(2, 4))  # a was killed
    assert total() == 6 + 4 + 2 + 7 + 1
    assert progress.judged()[1] == 2 + 1
