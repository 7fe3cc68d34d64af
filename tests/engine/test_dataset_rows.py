from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.engine.dataset_rows import through_stage
from nemo_sdg.engine.shard_runner import StageSequence
from nemo_sdg.errors import ConfigError, MissingColumnError, RowError
from nemo_sdg.stages import Stage, map_rows


class Halve(Stage):
    """Halves even numbers, refuses odd ones, leaves out 0."""

    requires = ("number",)
    adds = ("half",)

    def process(self, batch):
        def half(row):
            if row["number"] % 2:
                raise RowError(f"{row['number']} is odd")
            return {"half": row["number"] // 2}

        batch = batch.filter(pa.compute.not_equal(batch.column("number"), 0))
        return map_rows(batch, half, [pa.field("half", pa.int64())], self.name)


@pytest.fixture
def through():
    """Return a function that takes rows through a stage."""
    loop = LoopThread("test")

    def go(stage, rows):
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
        return through_stage(stage, StageSequence((stage,), loop), table)

    yield go
    loop.stop()


IDS = [7438051612894722705, 963017832176765185]


def ids(table: pa.Table) -> list[int]:
    """Return the row ids."""
    return table.column("row_id").to_pylist()


def test_rejected_rows_stay_with_the_reason(through):
    """Rows that a stage rejects stay, marked and with the reason; those it leaves out are gone."""
    made = through(Halve(), [{"number": number} for number in (4, 0, 7)])

    assert made.drop_columns("row_id").to_pylist() == [
        {"number": 4, "half": 2, "status": "ok", "rejection": None},
        {"number": 7, "half": None, "status": "rejected", "rejection": "halve: RowError: 7 is odd"},
    ]


def test_a_stage_that_raises_costs_the_rows_at_fault(through):
    """A stage that raises for a batch rejects those rows for which it raises alone, and no other."""

    class Strict(Stage):
        def process(self, batch):
            if 7 in batch.column("number").to_pylist():
                raise ValueError("seven")
            return batch

    made = through(Strict(), [{"number": number} for number in (6, 7, 8)])

    assert made.column("number").to_pylist() == [6, 8, 7]
    reasons = made.column("rejection").to_pylist()
    assert reasons[:2] == [None, None]
    assert reasons[2].startswith(f"strict: {__file__}, line ")
    assert reasons[2].endswith(": ValueError: seven")


def test_rows_rejected_before_pass(through):
    """What one stage has rejected goes by the next one as it is; the others go through it."""
    again = Halve().with_(name="again")
    before = through(Halve(), [{"number": number} for number in (4, 7)])

    made = through(again, before)

    assert made.column("status").to_pylist() == ["ok", "rejected"]
    assert made.column("rejection").to_pylist() == [None, "halve: RowError: 7 is odd"]
    assert ids(made) == ids(before)


def test_ids_follow_from_what_rows_hold(through):
    """An id is that of the row's content: of any order of rows and columns, 63 bits, for ever the same."""
    rows = [{"number": 2, "word": "a"}, {"number": 4, "word": "b"}]
    first = through(Halve(), rows)
    turned = through(Halve(), [{"word": row["word"], "number": row["number"]} for row in rows[::-1]])

    assert ids(first) == ids(turned)[::-1] == IDS
    assert first.schema.field("row_id").type == pa.int64()


def test_ids_of_the_dataset_are_kept(through):
    """A `row_id` of the dataset is the row's, of whatever integer type; what is none is an error."""
    made = through(Halve(), pa.table({"row_id": pa.array([9, 5], pa.uint8()), "number": [2, 4]}))

    assert ids(made) == [9, 5]
    for wrong, what in ((["a"], "is string"), (pa.array([None], pa.int64()), "holds nulls")):
        with pytest.raises(ConfigError, match=f"column 'row_id' {what}: give each row a whole number"):
            through(Halve(), pa.table({"row_id": wrong, "number": [2]}))


def test_columns_called_as_ours(through):
    """A column `status` of the dataset's own is kept under another name, whatever it says."""
    made = through(Halve(), [{"number": 2, "status": "rejected"}])

    assert made.column("source_status").to_pylist() == ["rejected"]
    assert made.column("half").to_pylist() == [1]


def test_a_block_of_nothing(through):
    """No rows make no rows; a column that is not there is named where there are some."""
    assert through(Halve(), pa.table({"number": pa.array([], pa.int64())})).num_rows == 0
    with pytest.raises(MissingColumnError, match="stage halve needs the column 'number'"):
        through(Halve(), [{"other": 1}])
