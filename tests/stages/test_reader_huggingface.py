from __future__ import annotations

import json

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages import HuggingFaceReader
from nemo_sdg.stages.rows import split_rejected


def save(folder, *tables, footer=False, split="train"):
    """Lay a dataset down as `save_to_disk` of datasets 4 does: a file for each table, of batches of two."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05d}-of-{len(tables):05d}.arrow" for number in range(len(tables))]
    kind = pa.ipc.new_file if footer else pa.ipc.new_stream
    for name, table in zip(names, tables, strict=True):
        with kind(folder / name, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "f", "_split": split}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


def rows_of(reader, shard_rows):
    """Return all rows, read shard by shard."""
    return [row for shard in reader.plan(shard_rows) for row in reader.read(shard).to_pylist()]


@pytest.mark.parametrize("footer", [False, True])
@pytest.mark.parametrize("shard_rows", [1, 3, 100])
def test_rows_over_files_and_shards(tmp_path, footer, shard_rows):
    """Rows are those of all files in order, numbered, however the file was written and shards are cut."""
    tables = [
        pa.table({"a": list(range(5)), "status": ["x"] * 5}),
        pa.table({"a": [5, 6], "status": ["y"] * 2}),
    ]
    reader = HuggingFaceReader(save(tmp_path / "saved", *tables, footer=footer))

    assert reader.adds == ("row_id", "a", "source_status")
    assert rows_of(reader, shard_rows) == [
        {"row_id": number, "a": number, "source_status": "x" if number < 5 else "y"} for number in range(7)
    ]


def test_splits(tmp_path):
    """Of several splits one must be named; the only one need not be."""
    for split in ("train", "test"):
        save(tmp_path / "all" / split, pa.table({"split": [split]}), split=split)
    (tmp_path / "all/dataset_dict.json").write_text('{"splits": ["train", "test"]}')

    assert rows_of(HuggingFaceReader(tmp_path / "all", split="test"), 1)[0]["split"] == "test"
    assert rows_of(HuggingFaceReader(tmp_path / "all/train", split="train"), 1)[0]["split"] == "train"
    for split in (None, "dev"):
        with pytest.raises(
            ConfigError, match=f"split is {split!r}, but .* has train, test: name one of them"
        ):
            HuggingFaceReader(tmp_path / "all", split=split)
    with pytest.raises(ConfigError, match=r"split is 'test', but .* is of 'train'"):
        HuggingFaceReader(tmp_path / "all/train", split="test")


def test_a_bad_row_costs_itself(tmp_path):
    """Text that is no UTF-8 rejects its row; the others of its batch are read."""
    texts = pa.array([b"good", b"\xff\xff", b"fine"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), 3, texts.buffers())
    reader = HuggingFaceReader(save(tmp_path / "saved", pa.table({"text": column})))

    (shard,) = reader.plan(10)
    good, (rejected,) = split_rejected(reader.read(shard))

    assert good.column("text").to_pylist() == ["good", "fine"]
    assert (rejected.row_id, "column 'text' holds what cannot be read" in rejected.message) == (1, True)


def test_changes_are_seen(tmp_path):
    """A file that was saved anew is named, and rows are not read from it."""
    folder = save(tmp_path / "saved", pa.table({"a": [1, 2]}))
    reader = HuggingFaceReader(folder, columns=["a"])
    shards = reader.plan(None)
    assert reader.changes(shards) == []

    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    save(folder, pa.table({"a": [1, 2, 3, 4, 5]}))
    assert "bytes then" in HuggingFaceReader(folder).changes(shards)[0]
    with pytest.raises(ConfigError, match="has changed since this run began"):
        reader.read(shards[0])


def test_what_cannot_be_used(tmp_path):
    """What `save_to_disk` has not made, or what was cut off, is told with what to give."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no state.json: give the folder that save_to_disk has made"):
        HuggingFaceReader(tmp_path / "empty")
    with pytest.raises(ConfigError, match=r"columns has 'b', but the input has a"):
        HuggingFaceReader(save(tmp_path / "one", pa.table({"a": [1]})), columns=["b"])
    folder = save(tmp_path / "cut", pa.table({"a": list(range(1000))}))
    (file,) = folder.glob("*.arrow")
    file.write_bytes(file.read_bytes()[:-600])
    with pytest.raises(ConfigError, match="cannot be read as Arrow"):
        HuggingFaceReader(folder)
    (folder / "state.json").write_text('{"_data_files": [], "_indices_data_files": [1]}')
    with pytest.raises(ConfigError, match="flatten_indices"):
        HuggingFaceReader(folder)
    with pytest.raises(ConfigError, match="has no rows"):
        HuggingFaceReader(save(tmp_path / "none", pa.table({"a": pa.array([], pa.int64())}))).plan(None)
