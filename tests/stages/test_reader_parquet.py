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
from nemo_sdg.stages.rows import split_rejected


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
    assert asked == [[3], [4]]


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


def test_no_rows(tmp_path):
    """An input without rows is refused by name."""
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


def test_damaged_row_group(tmp_path):
    """The rows of a row group that is damaged are rejected with their place; all others are read."""
    _write(tmp_path, "x", {"s": [f"{n:09}" for n in range(300)]}, row_group_size=100)
    file = tmp_path / "x.parquet"
    content = bytearray(file.read_bytes())
    at = pq.read_metadata(file).row_group(1).column(0).data_page_offset
    content[at : at + 60] = b"\xff" * 60
    file.write_bytes(content)
    reader = ParquetReader(tmp_path)
    shards = reader.plan(150)
    rows, rejections = zip(*(split_rejected(reader.read(shard)) for shard in shards), strict=True)
    read = pa.concat_tables([table.select(["row_id", "s"]) for table in rows])

    assert read["row_id"].to_pylist() == [*range(100), *range(200, 300)]
    assert read["s"].to_pylist() == [f"{n:09}" for n in (*range(100), *range(200, 300))]
    assert [one.row_id for some in rejections for one in some] == list(range(100, 200))
    assert "x.parquet: row group 1 (rows 100 to 199) is damaged: " in rejections[0][0].message


def test_text_that_is_no_utf8(tmp_path):
    """A row with text or nested text that is no UTF-8 is rejected alone, with the column."""
    bad = pa.Array.from_buffers(pa.string(), 3, pa.array([b"ok", b"\xff\xfe", b"fine"]).buffers())
    nested = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), bad.take([1, 0, 2]))
    _write(tmp_path, "x", {"s": bad.take([0, 1, 2]), "n": nested})
    reader = ParquetReader(tmp_path)
    rows, rejections = split_rejected(reader.read(reader.plan(None)[0]))

    assert rows.to_pylist() == [{"row_id": 2, "s": "fine", "n": ["fine"]}]
    assert [one.row_id for one in rejections] == [0, 1]
    assert "column 'n' holds what cannot be read" in rejections[0].message
    assert "column 's' holds what cannot be read" in rejections[1].message


def test_rows_without_columns(tmp_path):
    """Rows of a file that has none of the columns keep their number."""
    _write(tmp_path, "x", {"a": [1, 2, 3]})
    _write(tmp_path, "y", {"b": [4]})
    reader = ParquetReader(tmp_path, columns=["b"])

    assert [reader.read(shard)["b"].to_pylist() for shard in reader.plan(3)] == [[None] * 3, [4]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "Parquet file size is 0 bytes"),
        (b"x" * 100, "magic bytes not found"),
        (b'{"a": 1}\n', r"or use JsonlReader for JSON Lines"),
    ],
)
def test_content_that_is_no_parquet(tmp_path, content, complaint):
    """A file of other content is refused with what is wrong and what to do."""
    (tmp_path / "x.parquet").write_bytes(content)

    with pytest.raises(ConfigError, match=rf"x\.parquet cannot be read as Parquet: .*{complaint}"):
        ParquetReader(tmp_path)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data())
def test_any_damage(tmp_path_factory, data):
    """A file that is cut off or changed anywhere is refused, or gives each row once or rejects it."""
    folder = tmp_path_factory.mktemp("damage")
    _write(folder, "x", {"n": list(range(60)), "s": [f"text {n}" for n in range(60)]}, row_group_size=20)
    file = folder / "x.parquet"
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        at = data.draw(st.integers(0, len(content) - 1))
        some = data.draw(st.binary(min_size=1, max_size=40))
        content[at : at + len(some)] = some
    file.write_bytes(content)
    try:
        reader = ParquetReader(folder)
        shards = reader.plan(25)
    except ConfigError:
        return
    for shard in shards:
        try:
            rows, rejections = split_rejected(reader.read(shard))
        except ConfigError:
            return
        found = [*rows["row_id"].to_pylist(), *(one.row_id for one in rejections)]
        assert sorted(found) == list(range(shard.first_row, shard.first_row + shard.rows))


def test_a_column_twice(tmp_path):
    """A file that has a column of one name twice is refused with the name."""
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(twice, tmp_path / "x.parquet")

    with pytest.raises(ConfigError, match=r"x\.parquet has the column 'a' twice: rename one"):
        ParquetReader(tmp_path)
