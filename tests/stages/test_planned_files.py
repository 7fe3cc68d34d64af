"""Whether an input is what it was."""

from __future__ import annotations

import json
import os
import pickle
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard
from nemo_sdg.stages.planned_files import fingerprint
from nemo_sdg.stages.reader_jsonl import JsonlReader
from nemo_sdg.stages.reader_parquet import ParquetReader


def _jsonl(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, values in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps({"n": value}) + "\n" for value in values))
    return folder


def _parquet(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, values in files.items():
        pq.write_table(pa.table({"n": pa.array(values, pa.int64())}), folder / f"{name}.parquet")
    return folder


BOTH = pytest.mark.parametrize(("kind", "write"), [(JsonlReader, _jsonl), (ParquetReader, _parquet)])


def _planned(reader):
    """Return the shards as a manifest gives them back."""
    return [
        Shard(shard.index, shard.first_row, shard.rows, json.loads(json.dumps(shard.place)))
        for shard in reader.plan(2)
    ]


@BOTH
def test_no_change(tmp_path, kind, write):
    """Neither other times of the files, nor files without rows that came or went, are a change."""
    folder = write(tmp_path / "in", a=[1, 2, 3], b=[4], none=[])
    shards = _planned(kind(folder))
    for file in folder.iterdir():
        os.utime(file, (1, 1))
    write(folder, empty=[])
    next(folder.glob("none.*")).unlink()

    assert kind(folder).changes(shards) == []


@BOTH
def test_changes_are_said(tmp_path, kind, write):
    """A file that is new, gone, of another size or of other content is named, with what is different."""
    folder = write(tmp_path / "in", a=[1, 2, 3], b=[4], c=[5])
    shards = _planned(kind(folder))
    sizes = {file.stem: file.stat().st_size for file in folder.iterdir()}
    write(folder, a=[1, 7, 3], c=list(range(5000)), d=[6])
    next(folder.glob("b.*")).unlink()
    end = next(folder.glob("a.*")).suffix
    now = (folder / f"c{end}").stat().st_size

    assert (folder / f"a{end}").stat().st_size == sizes["a"]
    assert kind(folder).changes(shards) == [
        f"{folder}/a{end}: other content of the same size",
        f"{folder}/b{end} is no longer there",
        f"{folder}/c{end}: {sizes['c']:,} bytes then, {now:,} now",
        f"{folder}/d{end} is new",
    ]


@BOTH
def test_input_in_another_place(tmp_path, monkeypatch, kind, write):
    """An input that was copied elsewhere as it is counts as the same and is read from there."""
    (tmp_path / "here").mkdir()
    write(tmp_path / "here" / "in", a=[1, 2], b=[3])
    monkeypatch.chdir(tmp_path / "here")
    shards = _planned(kind("in"))
    shutil.move(tmp_path / "here", tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    reader = pickle.loads(pickle.dumps(kind("in")))

    assert reader.changes(shards) == []
    assert [value for shard in shards for value in reader.read(shard)["n"].to_pylist()] == [1, 2, 3]


def test_many_changes_are_counted(tmp_path):
    """An input that is quite another does not flood the terminal."""
    shards = _planned(JsonlReader(_jsonl(tmp_path / "in", **{f"f{n:02}": [n] for n in range(25)})))
    shutil.rmtree(tmp_path / "in")
    found = JsonlReader(_jsonl(tmp_path / "in", z=[1])).changes(shards)

    assert len(found) == 11
    assert found[-1] == "and 16 more of the input's files"


def test_each_file_is_looked_at_once(tmp_path, monkeypatch):
    """However many shards a file has, its content is fingerprinted once to plan and once to compare."""
    reader = JsonlReader(_jsonl(tmp_path / "in", a=list(range(100))))
    asked = []
    monkeypatch.setattr(
        "nemo_sdg.stages.planned_files.fingerprint", lambda file: asked.append(file) or fingerprint(file)
    )
    shards = reader.plan(1)
    assert len(asked) == 1
    assert reader.changes(shards) == []
    assert len(asked) == 2


@settings(derandomize=True, max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=3000), data=st.data())
def test_fingerprint_of_a_small_file(tmp_path_factory, content, data):
    """Any byte of a small file that is another makes another fingerprint, and nothing else does."""
    file = tmp_path_factory.mktemp("print") / "x"
    file.write_bytes(content)
    before = fingerprint(str(file))
    os.utime(file, (1, 1))
    assert fingerprint(str(file)) == before
    at = data.draw(st.integers(0, len(content) - 1))
    file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert fingerprint(str(file)) != before


@pytest.mark.parametrize("at", [0, 1 << 24, (1 << 25) - 1])
def test_fingerprint_of_a_large_file(tmp_path, at):
    """Of a file that is not read whole, the beginning, the middle and the end count."""
    file = tmp_path / "x"
    with file.open("wb") as stream:
        stream.truncate(1 << 25)
    before = fingerprint(str(file))
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(b"x")

    assert fingerprint(str(file)) != before


def test_file_that_is_gone_while_a_run_goes_on(tmp_path):
    """A file that goes away after planning ends the job with what to do."""
    reader = JsonlReader(_jsonl(tmp_path / "in", a=[1]))
    [shard] = _planned(reader)
    (tmp_path / "in" / "a.jsonl").unlink()

    with pytest.raises(ConfigError, match="No such file or directory; it was there when this run began"):
        reader.read(shard)
