from __future__ import annotations

import time

import msgspec

from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.journal import Span
from nemo_sdg.engine.manifest import ShardDone
from nemo_sdg.engine.progress import Progress
from nemo_sdg.engine.work import Parcel
from nemo_sdg.engine.worker import Heartbeat
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages import Shard


def test_a_snapshot_adds_earlier_runs_parcels_and_heartbeats(tmp_path):
    """What a person sees is the sum of what is committed, what came back and what workers are at."""
    folder = RunFolder(tmp_path)
    folder.create()
    now = time.time()
    before = ShardDone(0, Counts(rows_read=10, requests=10, prompt_tokens=100), ["m"])
    progress = Progress(folder, 30, [before], now - 5)
    parcel = Parcel(Shard(1, 10, 10), counts=Counts(rows_read=10, requests=11), models=["n"])
    parcel.span.join(Span(now - 3, now - 1, [0.5]))
    progress.add(parcel)
    beat = Heartbeat(now, Counts(requests=4), 7, 8, "newest", Span(now - 2, now, [0.25]))
    folder.heartbeat("w").write_bytes(msgspec.json.encode(beat))
    stale = Heartbeat(now - 60, Counts(requests=1000), 9, 9, None, Span())
    folder.heartbeat("left-behind").write_bytes(msgspec.json.encode(stale))

    snapshot = progress.snapshot()

    assert (snapshot.counts.rows_read, snapshot.counts.requests) == (20, 25)
    assert (snapshot.rows_before, snapshot.requests_before, snapshot.tokens_before) == (10, 10, 100)
    assert (snapshot.in_flight, snapshot.allowed, snapshot.workers) == (7, 8, 1)
    assert snapshot.newest == "newest"
    assert progress.models == {"m", "n"}
    assert round(progress.seconds_to_first_request()) == 2
    assert round(progress.requests_per_second(), 1) == 5.5


def test_a_torn_heartbeat_is_passed_over(tmp_path):
    """A heartbeat that is being written when it is read does not disturb the view."""
    folder = RunFolder(tmp_path)
    folder.create()
    folder.heartbeat("w").write_bytes(b'{"time": 1')

    assert Progress(folder, 1, [], time.time()).snapshot().workers == 0


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
