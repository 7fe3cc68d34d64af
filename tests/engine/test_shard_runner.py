from __future__ import annotations

import sys
import threading

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.engine.shard_runner import ShardState, StageSequence
from nemo_sdg.errors import ConfigError
from nemo_sdg.stages import MemoryLedger, Stage, stage

ROWS = pa.table({"row_id": list(range(10)), "x": list(range(10))})


@pytest.fixture
def loop():
    """Yield a loop for asynchronous stages."""
    loop = LoopThread("test")
    yield loop
    loop.stop()


def through(loop, *stages, rows=ROWS):
    """Return what becomes of `rows` in `stages`."""
    state = ShardState(rows)
    StageSequence(stages, loop).run(state, MemoryLedger())
    return state


def test_stages_run_in_order(loop):
    """Each stage gets what the one before it made, be it a function, asynchronous or a class."""

    def plus_one(batch):
        return {"x": pc.add(batch.column("x"), 1)}

    async def doubled(batch):
        return {"x": pc.multiply(batch.column("x"), 2)}

    state = through(loop, stage(plus_one), stage(doubled))

    assert state.rows.column("x").to_pylist() == [(x + 1) * 2 for x in range(10)]


def test_one_bad_row_costs_one_row(loop):
    """When a stage raises for a batch, the row at fault is rejected with the reason, no other."""

    def picky(batch):
        if 7 in batch.column("x").to_pylist():
            raise ValueError("seven")
        return batch

    state = through(loop, stage(picky))

    assert state.rows.column("x").to_pylist() == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert state.rows.column_names == ROWS.column_names
    (rejection,) = state.rejections
    assert (rejection.row_id, rejection.stage, rejection.error) == (7, "picky", "ValueError")
    assert rejection.message.startswith(f"{__file__}, line ")
    assert rejection.message.endswith('in picky: raise ValueError("seven"): ValueError: seven')
    assert state.counts.rejected == {"picky: ValueError": 1}


def test_rows_left_out_count_as_filtered(loop):
    """Rows that a stage leaves out are counted under its name, and are no rejections."""

    def even(batch):
        return batch.filter(pc.equal(pc.bit_wise_and(batch.column("x"), 1), 0))

    state = through(loop, stage(even))

    assert state.counts.filtered == {"even": 5}
    assert state.rejections == []


def test_batch_size_is_kept(loop):
    """A stage never gets more rows at a time than its batch size, and gets each row once."""
    sizes = []

    def look(batch):
        sizes.append(batch.num_rows)
        return batch

    state = through(loop, stage(look).with_(batch_size=4))

    assert sizes == [4, 4, 2]
    assert state.rows.column("x").to_pylist() == list(range(10))


def test_a_stage_gets_one_batch_at_a_time(loop):
    """However many shards overlap, a synchronous stage is never inside `process` twice."""
    inside, most = [], []

    class Slow(Stage):
        def process(self, batch):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.005)
            inside.pop()
            return batch

    sequence = StageSequence([Slow()], loop)
    threads = [
        threading.Thread(target=lambda: sequence.run(ShardState(ROWS), MemoryLedger())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 8


def test_a_stage_that_returns_no_table_ends_the_job(loop):
    """A stage that returns something else is a mistake of the whole pipeline, and is named."""

    class Wrong(Stage):
        def process(self, batch):
            return batch.num_rows

    with pytest.raises(
        ConfigError, match=r"stage wrong \(.*, line \d+\) returned int: return a pyarrow\.Table"
    ):
        through(loop, Wrong())


def test_a_stage_that_exits_ends_the_job(loop):
    """`sys.exit` in a stage ends the job with its line, not the worker: Ray would start another."""

    def exits(_batch):
        sys.exit(3)

    with pytest.raises(ConfigError, match=r"stage exits wants to exit.*in exits: sys.exit\(3\)"):
        through(loop, stage(exits))


def test_no_rows_go_no_further(loop):
    """A shard of which no row is left goes to no further stage, which might take the largest of no values."""

    def nothing(batch):
        return batch.slice(0, 0)

    def largest(batch):
        return {"largest": [max(batch.column("x").to_pylist())] * batch.num_rows}

    state = through(loop, stage(nothing), stage(largest).with_(batch_size=3))

    assert state.rows.num_rows == 0
    assert state.rejections == []
    assert state.counts.filtered == {"nothing": 10}


class Doubled(Stage):
    """Makes two rows of each."""

    def process(self, batch):
        return pa.concat_tables([batch, batch])


class Joined(Stage):
    """Makes one row of those with one row_id; leaves out row 3."""

    joins = True

    def process(self, batch):
        rows = dict(zip(batch.column("row_id").to_pylist(), range(batch.num_rows), strict=True))
        return batch.take([position for row, position in rows.items() if row != 3])


def test_rows_that_go_into_others_are_not_filtered(loop):
    """Rows that a stage adds, and those that another joins, are counted apart from what is left out."""
    state = through(loop, Doubled(), Joined())

    assert state.rows.num_rows == 9
    assert (state.counts.added, state.counts.joined, state.counts.filtered) == (10, 9, {"joined": 2})


class Unfolded(Stage):
    """Makes as many rows of each one as its row_id says."""

    def process(self, batch):
        return batch.take([row for row in batch.column("row_id").to_pylist() for _ in range(row)])


def test_rows_that_go_are_filtered_though_others_are_added(loop):
    """A row of which a stage makes none counts as filtered, however many it makes of others."""
    state = through(loop, Unfolded())

    assert state.rows.num_rows == 45
    assert (state.counts.added, state.counts.filtered) == (36, {"unfolded": 1})
