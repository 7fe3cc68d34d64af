"""Reading Parquet."""

from __future__ import annotations

import json
import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard
from nemo_sdg.stages.reader_parquet import ParquetReader


def _write(folder, name, columns, **options):
    pq.write_table(pa.table(columns), folder / f"{name}.parquet", **options)
    return folder


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=4).filter(
        lambda files: sum(rows for rows, _ in files) > 0
    ),
    st.integers(1, 50),
)
def test_rows_of_several_files(tmp_path_factory, files, shard_rows):
    """Whatever the row groups, each shard has the rows of its positions in the whole input."""
    folder = tmp_path_factory.mktemp("parquet")
    start = 0
    for number, (rows, group) in enumerate(files):
        _write(folder, number, {"n": pa.array(range(start, start + rows), pa.int64())}, row_group_size=group)
        start += rows
    reader = pickle.loads(pickle.dumps(ParquetReader(folder)))
    for shard in reader.plan(shard_rows):
        read = reader.read(
            Shard(shard.index, shard.first_row, shard.rows, json.loads(json.dumps(shard.place)))
        )
        assert read["n"].to_pylist() == list(range(shard.first_row, shard.first_row + shard.rows))
        assert read["row_id"].to_pylist() == read["n"].to_pylist()


def test_only_the_row_groups_that_are_needed(tmp_path, monkeypatch):
    """Reading a shard decodes no other row groups."""
    _write(tmp_path, "x", {"n": list(range(100))}, row_group_size=10)
    reader = ParquetReader(tmp_path)
    asked = []
    original = pq.ParquetFile.iter_batches

    def spy(self, *args, row_groups, **kwargs):
        asked.append(row_groups)
        return original(self, *args, row_groups=row_groups, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    rows = reader.read(reader.plan(15)[2])

    assert rows["n"].to_pylist() == list(range(30, 45))
    assert asked == [[3, 4]]


def test_large_row_groups(tmp_path):
    """A shard in the middle of a row group of many batches is found."""
    _write(tmp_path, "x", {"n": list(range(20_000))})
    reader = ParquetReader(tmp_path)

    assert reader.read(reader.plan(6000)[2])["n"].to_pylist() == list(range(12_000, 18_000))


def test_files_that_differ(tmp_path):
    """Missing columns are null, nulls and narrow numbers take the wider type, in every shard."""
    _write(tmp_path, "a", {"n": pa.array([1], pa.int32()), "s": pa.nulls(1)})
    _write(tmp_path, "b", {"n": pa.array([2], pa.int64()), "s": ["x"], "only_b": [True]})
    reader = ParquetReader(tmp_path)
    tables = [reader.read(shard) for shard in reader.plan(1)]

    assert tables[0].schema.equals(tables[1].schema)
    assert tables[0].to_pylist() == [{"row_id": 0, "n": 1, "s": None, "only_b": None}]
    assert tables[1].to_pylist() == [{"row_id": 1, "n": 2, "s": "x", "only_b": True}]


def test_types_that_do_not_go_together(tmp_path):
    """The error names the column, both files and both types."""
    _write(tmp_path, "a", {"n": [1]})
    _write(tmp_path, "b", {"n": ["x"]})

    with pytest.raises(ConfigError, match=r"column 'n' is int64 in .*a\.parquet and string in .*b\.parquet"):
        ParquetReader(tmp_path)


def test_value_that_does_not_fit(tmp_path):
    """A whole number that the other files' type cannot hold ends the job by name."""
    _write(tmp_path, "a", {"n": [2**60 + 1]})
    _write(tmp_path, "b", {"n": [0.5]})
    reader = ParquetReader(tmp_path)

    with pytest.raises(ConfigError, match=r"column 'n' of .*a\.parquet does not fit double"):
        reader.read(reader.plan(1)[0])


def test_some_columns(tmp_path):
    """Only the wanted columns are read, null where a file lacks them; others are refused."""
    _write(tmp_path, "a", {"x": [1], "y": [2]})
    _write(tmp_path, "b", {"z": [3]})
    reader = ParquetReader(tmp_path, columns=["y"])

    assert reader.adds == ("row_id", "y")
    assert reader.read(reader.plan(None)[0])["y"].to_pylist() == [2, None]
    with pytest.raises(ConfigError, match="columns has 'w', but the input has x, y, z"):
        ParquetReader(tmp_path, columns=["w"])


def test_engine_columns_in_the_input(tmp_path):
    """A dataset made before can be read again: its row_id and status are kept under other names."""
    reader = ParquetReader(_write(tmp_path, "x", {"row_id": [9], "status": ["ok"]}))

    assert reader.adds == ("row_id", "source_row_id", "source_status")
    assert reader.read(reader.plan(None)[0]).to_pylist() == [
        {"row_id": 0, "source_row_id": 9, "source_status": "ok"}
    ]


def test_refused_files(tmp_path):
    """A file that is no Parquet, and an input without rows, are refused by name."""
    (tmp_path / "bad.parquet").write_text("not parquet")
    with pytest.raises(ConfigError, match=r"bad\.parquet cannot be read as Parquet"):
        ParquetReader(tmp_path)
    (tmp_path / "bad.parquet").unlink()
    _write(tmp_path, "none", {"x": pa.array([], pa.int64())})
    with pytest.raises(ConfigError, match="has no rows"):
        ParquetReader(tmp_path).plan(None)


def test_changed_input(tmp_path):
    """An input that has changed since the shards were planned ends the job."""
    reader = ParquetReader(_write(tmp_path, "x", {"n": [1]}))
    [shard] = reader.plan(None)
    _write(tmp_path, "x", {"n": list(range(1000))})

    with pytest.raises(ConfigError, match="has changed since this run began"):
        reader.read(shard)
