"""Writing part files."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.writers import JsonlWriter, ParquetWriter

_ROWS = pa.table({"text": ["é日本\n", None], "l": [[{"role": "user"}], []], "n": [1.5, float("nan")]})


def test_jsonl(tmp_path):
    """One object a line, as UTF-8 without escapes; NaN is null."""
    file = tmp_path / "part.jsonl"
    JsonlWriter(tmp_path).write(_ROWS, file)

    assert file.read_text("utf-8") == (
        '{"text":"é日本\\n","l":[{"role":"user"}],"n":1.5}\n{"text":null,"l":[],"n":null}\n'
    )


def test_jsonl_values_that_json_lacks(tmp_path):
    """Times, decimals and bytes are written as text, at every resolution."""
    moment = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    table = pa.table(
        {
            "ns": pa.array([moment], pa.timestamp("ns", "UTC")),
            "us": pa.array([moment], pa.timestamp("us", "UTC")),
            "date": [moment.date()],
            "time": [moment.time()],
            "ns_duration": pa.array([1_500_000_000], pa.duration("ns")),
            "decimal": [decimal.Decimal("1.50")],
            "bytes": [b"\xff"],
        }
    )
    file = tmp_path / "part.jsonl"
    JsonlWriter(tmp_path).write(table, file)

    assert json.loads(file.read_text()) == {
        "ns": "2020-01-02T03:04:05+00:00",
        "us": "2020-01-02T03:04:05Z",
        "date": "2020-01-02",
        "time": "03:04:05",
        "ns_duration": "P0DT0H0M1.5S",
        "decimal": "1.50",
        "bytes": "/w==",
    }


def test_jsonl_of_many_rows(tmp_path):
    """Every row of a table of many chunks is written once, in order."""
    file = tmp_path / "part.jsonl"
    JsonlWriter(tmp_path).write(
        pa.concat_tables([pa.table({"n": range(k, k + 5000)}) for k in (0, 5000)]), file
    )

    assert [json.loads(line)["n"] for line in file.read_text().splitlines()] == list(range(10_000))


def test_parquet(tmp_path):
    """The table comes back with its types; columns are compressed by zstd."""
    file = tmp_path / "part.parquet"
    ParquetWriter(tmp_path).write(_ROWS, file)

    assert pq.read_table(file).schema.equals(_ROWS.schema)
    assert pq.read_table(file)["text"].to_pylist() == ["é日本\n", None]
    assert pq.read_metadata(file).row_group(0).column(0).compression == "ZSTD"


def test_no_rows(tmp_path):
    """Without rows Parquet keeps the columns, and JSON Lines is an empty file."""
    ParquetWriter(tmp_path).write(_ROWS.slice(0, 0), tmp_path / "p")
    JsonlWriter(tmp_path).write(_ROWS.slice(0, 0), tmp_path / "j")

    assert pq.read_table(tmp_path / "p").schema.equals(_ROWS.schema)
    assert (tmp_path / "j").read_bytes() == b""


@pytest.mark.parametrize("kind", [JsonlWriter, ParquetWriter])
def test_folder(tmp_path, kind):
    """The folder may not exist yet, and may not be a file."""
    (tmp_path / "file").write_text("")

    assert kind(str(tmp_path / "new")).path == tmp_path / "new"
    assert kind.suffix in (".jsonl", ".parquet")
    with pytest.raises(ConfigError, match="which is a file"):
        kind(tmp_path / "file")
    with pytest.raises(ConfigError, match="path is None"):
        kind(None)


@pytest.mark.parametrize("kind", [JsonlWriter, ParquetWriter])
def test_urls_and_file_systems(tmp_path, kind, monkeypatch):
    """A URL stays as it is, ~ is the home, a path on a file system is a text; each names its variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    there = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())

    assert (kind("s3://b/out").path, kind("~/out").path) == ("s3://b/out", tmp_path / "out")
    assert kind(Path("out"), filesystem=there).path == "out"
    assert {"AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_PROFILE"} < set(kind("s3://b/out").environment)
    assert "hunter2" not in repr(vars(kind("s3://b/out")))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in kind("gs://b").environment
    assert "AZURE_CLIENT_SECRET" in kind("abfs://c@account/b").environment
    assert kind("out").environment == kind("out", filesystem=there).environment == ()
    with pytest.raises(ConfigError, match=r"filesystem is 's3': give a pyarrow\.fs\.FileSystem"):
        kind("out", filesystem="s3")
