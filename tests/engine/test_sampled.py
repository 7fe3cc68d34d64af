from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemo_sdg.engine import sampled
from nemo_sdg.engine.sampled import Bounds, rejected_lines, sampled_rows
from nemo_sdg.storage import Store


@pytest.fixture
def parts(tmp_path):
    """Return a function that writes parts of rows with a text each."""

    def write(number, rows, text="x", suffix=".parquet"):
        names = []
        for part in range(number):
            made = [{"row_id": part * rows + row, "text": text} for row in range(rows)]
            names.append(f"part-{part:05d}{suffix}")
            if suffix == ".parquet":
                pq.write_table(pa.Table.from_pylist(made), tmp_path / names[-1])
            else:
                (tmp_path / names[-1]).write_text("".join(json.dumps(row) + "\n" for row in made))
        return Store.open(tmp_path), names

    return write


def _ids(rows):
    return [row["row_id"] for row in rows]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_small_datasets_are_read_whole(parts, suffix):
    """Of a small dataset all rows come, in order."""
    rows, unreadable = sampled_rows(*parts(5, 20, suffix=suffix), Bounds(60))
    assert (_ids(rows), unreadable) == (list(range(100)), 0)


def test_rows_are_spread_over_the_parts(parts, monkeypatch):
    """Of more rows than are wanted each part gives its first ones; of many parts some are read."""
    monkeypatch.setattr(sampled, "_MOST_PARTS", 4)
    rows, _ = sampled_rows(*parts(8, 20), Bounds(60, 12))
    assert _ids(rows) == [part * 40 + row for part in range(4) for row in range(3)]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_bytes_are_bounded(parts, monkeypatch, suffix):
    """Where rows are large, reading ends with the batches at hand when enough bytes are read."""
    monkeypatch.setattr(sampled, "_BATCH", 100_000)
    rows, _ = sampled_rows(*parts(4, 50, "y" * 100_000, suffix), Bounds(60, most_bytes=1_000_000))
    assert 5 <= len(rows) <= 30


def test_time_is_bounded(parts):
    """When no time is left nothing is read, and that is no fault of the files."""
    assert sampled_rows(*parts(3, 5), Bounds(0)) == ([], 0)


def test_damaged_parts_are_counted(parts, tmp_path):
    """A part that is gone or damaged costs its own rows only."""
    store, names = parts(4, 5)
    (tmp_path / names[0]).unlink()
    (tmp_path / names[2]).write_bytes(b"PAR1 no more")
    rows, unreadable = sampled_rows(store, names, Bounds(60))
    assert (_ids(rows), unreadable) == ([*range(5, 10), *range(15, 20)], 2)


def test_no_parts(tmp_path):
    """An empty dataset has no rows."""
    assert sampled_rows(Store.open(tmp_path), [], Bounds(60)) == ([], 0)


def test_rejected_lines(tmp_path):
    """Lines come from all files; a damaged file is passed over from where it is damaged."""
    (tmp_path / "a").write_text('{"row_id": 1}\n{"row_id": 2}\nno json\n{"row_id": 3}\n')
    (tmp_path / "b").write_text('{"row_id": 4}\n')
    store = Store.open(tmp_path)
    assert _ids(rejected_lines(store, ["a", "gone", "b"], Bounds(60))) == [1, 2, 4]
    assert list(rejected_lines(store, ["a"], Bounds(0))) == []
