"""Reading JSON Lines."""

from __future__ import annotations

import json
import pickle

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard
from nemo_sdg.stages.reader_jsonl import JsonlReader
from nemo_sdg.stages.rows import split_rejected


def _write(folder, **files):
    for name, rows in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_rows_of_several_files(tmp_path):
    """Shards span files; each row has its position in the whole input, read anywhere and at any time."""
    _write(tmp_path, b=[{"n": n} for n in range(5, 9)], a=[{"n": n} for n in range(5)])
    reader = JsonlReader(tmp_path)
    shards = reader.plan(3)
    there = pickle.loads(pickle.dumps(reader))
    planned = [Shard(s.index, s.first_row, s.rows, json.loads(json.dumps(s.place))) for s in shards]

    assert [shard.rows for shard in shards] == [3, 3, 3]
    assert reader.adds == ("row_id", "n")
    for shard in [*planned, *reversed(planned)]:
        rows = there.read(shard)
        assert rows["row_id"].to_pylist() == rows["n"].to_pylist()
        assert rows["row_id"].to_pylist() == list(range(shard.first_row, shard.first_row + shard.rows))
        assert rows.schema.field("row_id").type == pa.int64()


def test_bad_lines_are_rejected_rows(tmp_path):
    """A line that is no JSON object rejects that row with its place; the others are read."""
    (tmp_path / "x.jsonl").write_text('{"n": 0}\nbad\n\n{"n": 2}\n')
    reader = JsonlReader(tmp_path / "x.jsonl")
    [shard] = reader.plan(None)
    rows, [rejection] = split_rejected(reader.read(shard))

    assert rows["row_id"].to_pylist() == [0, 2]
    assert rows["n"].to_pylist() == [0, 2]
    assert (rejection.row_id, rejection.error, rejection.stage) == (1, "RowError", "jsonl_reader")
    assert "x.jsonl, line 2" in rejection.message


def test_types_across_shards(tmp_path):
    """The first rows decide the types of all shards; values that do not fit are kept as they can be."""
    rows = [{"a": "x", "b": 1, "c": [1]}] * 100 + [{"a": 5, "b": None, "d": {"k": 1}}]
    reader = JsonlReader(_write(tmp_path, x=rows))
    *_, last = (reader.read(shard) for shard in reader.plan(100))

    assert last.to_pylist() == [{"row_id": 100, "a": "5", "b": None, "c": None, "d": {"k": 1}}]
    assert last.schema.field("b").type == pa.int64()
    assert last.schema.field("c").type == pa.list_(pa.int64())


def test_some_columns(tmp_path):
    """Only the wanted columns are read; one that is not there is refused with those that are."""
    _write(tmp_path, x=[{"a": 1, "b": 2}, {"b": 3, "c": 4}])
    reader = JsonlReader(tmp_path, columns=["b"])

    assert reader.adds == ("row_id", "b")
    assert reader.read(reader.plan(None)[0]).to_pylist() == [{"row_id": 0, "b": 2}, {"row_id": 1, "b": 3}]
    with pytest.raises(ConfigError, match="columns has 'z', but the input has a, b, c"):
        JsonlReader(tmp_path, columns=["z"])
    with pytest.raises(ConfigError, match="columns is 'a': give a list"):
        JsonlReader(tmp_path, columns="a")


def test_engine_columns_in_the_input(tmp_path):
    """A dataset made before can be read again: its row_id and status are kept under other names."""
    reader = JsonlReader(_write(tmp_path, x=[{"row_id": 9, "status": "ok"}]))

    assert reader.adds == ("row_id", "source_row_id", "source_status")
    assert reader.read(reader.plan(None)[0]).to_pylist() == [
        {"row_id": 0, "source_row_id": 9, "source_status": "ok"}
    ]


def test_empty_files(tmp_path):
    """Files without rows are passed over; when all are, the input is refused."""
    _write(tmp_path, a=[], b=[{"n": 1}], c=[])
    reader = JsonlReader(tmp_path)

    assert reader.adds == ("row_id", "n")
    assert [shard.rows for shard in reader.plan(None)] == [1]
    with pytest.raises(ConfigError, match="has no rows"):
        JsonlReader(tmp_path / "a.jsonl")


def test_changed_input(tmp_path):
    """An input that has changed since the shards were planned ends the job."""
    reader = JsonlReader(_write(tmp_path, x=[{"n": 1}]))
    [shard] = reader.plan(None)
    _write(tmp_path, x=[{"n": 1}, {"n": 2}])

    with pytest.raises(ConfigError, match="has changed since this run began"):
        reader.read(shard)


def test_settings(tmp_path):
    """The settings name the input and the columns, as JSON values."""
    _write(tmp_path, x=[{"n": 1}])
    found = JsonlReader([tmp_path / "x.jsonl"], columns=["n"]).settings()

    assert found["path"] == [str(tmp_path / "x.jsonl")]
    assert found["columns"] == ["n"]
    json.dumps(found)


def test_rows_without_columns(tmp_path):
    """Objects without keys are rows all the same, with nothing but their position."""
    reader = JsonlReader(_write(tmp_path, x=[{}, {}, {}]))

    assert reader.read(reader.plan(2)[1]).to_pylist() == [{"row_id": 2}]


def test_no_line_is_a_row(tmp_path):
    """An input in which no line is an object is refused before anything runs, with the first fault."""
    (tmp_path / "a.jsonl").write_text("{\n")
    (tmp_path / "b.jsonl").write_text('  "a": 1\n}\n')

    with pytest.raises(ConfigError, match=r"no line is a JSON object: .*a\.jsonl, line 1: this is no JSON"):
        JsonlReader(tmp_path)


def test_rows_after_many_bad_lines(tmp_path):
    """However late the first row comes, its columns are known."""
    (tmp_path / "a.jsonl").write_text("bad\n" * 300 + '{"n": 1}\n')
    reader = JsonlReader(tmp_path)
    rows, rejections = split_rejected(reader.read(reader.plan(1000)[0]))

    assert reader.adds == ("row_id", "n")
    assert rows.to_pylist() == [{"row_id": 300, "n": 1}]
    assert len(rejections) == 300


def test_long_values(tmp_path):
    """A row of five megabytes is read as it is."""
    reader = JsonlReader(_write(tmp_path, x=[{"t": "é" * 2_500_000}, {"t": "x"}]))

    assert [len(text) for text in reader.read(reader.plan(None)[0])["t"].to_pylist()] == [2_500_000, 1]
