from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.dataset_input import DatasetConfig, open_input

ROWS = pa.table({"question": ["Why?", "How?"], "answer": ["So.", "Thus."], "n": ["1", "2"]})


def save(folder, kind):
    """Write the rows into `folder` in a format; return what a config names."""
    folder.mkdir()
    if kind == "parquet":
        pq.write_table(ROWS, folder / "a.parquet")
    elif kind == "jsonl":
        (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS.to_pylist()))
    elif kind == "csv":
        pa.csv.write_csv(ROWS, folder / "a.csv")
    elif kind == "text":
        for name in ROWS["question"].to_pylist():
            (folder / f"{name[:-1]}.txt").write_text(name)
    else:
        import datasets

        datasets.Dataset(ROWS).save_to_disk(str(folder))
    return str(folder)


def config_of(path, **values):
    """Return a config with an input."""
    return DatasetConfig.model_validate({"pipeline": "p", "output": "o", "input": path, **values})


def read(config, needed=None, **names):
    """Return the rows that a config names."""
    source = open_input(config, config.input, needed or {}, **names)
    return pa.concat_tables([source.read(shard) for shard in source.plan(None)])


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "csv", "huggingface"])
@pytest.mark.parametrize("way", ["guessed", "said"])
def test_every_format(tmp_path, kind, way):
    """A folder of any format is read as what it is, with the columns that are chosen."""
    path = save(tmp_path / "in", kind)
    if kind != "huggingface":
        (tmp_path / "in/README.md").write_text("What this is.")
    more = {"input_format": kind} if way == "said" else {}

    assert read(config_of(path, **more)).drop_columns(["row_id"]).equals(ROWS)
    some = read(config_of(path, columns=["n"], **more), {"answer": "answer_column"})
    assert some.column_names == ["row_id", "answer", "n"]


def test_text(tmp_path):
    """A folder of nothing but text is that; its column is called as the pipeline wants it."""
    rows = read(config_of(save(tmp_path / "in", "text")), {"topic": "x"}, text_column="topic")

    assert sorted(rows["topic"].to_pylist()) == ["How?", "Why?"]
    lines = config_of(str(tmp_path / "in"), text_rows="line")
    assert read(lines).column_names == ["row_id", "text", "file"]


def test_csv_types(tmp_path):
    """Numbers in CSV files are numbers where the config says so."""
    config = config_of(save(tmp_path / "in", "csv"), csv_types={"n": "int"})

    assert read(config)["n"].to_pylist() == [1, 2]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_the_output_of_a_run(tmp_path, suffix):
    """Of the output of a run, the parts are read, and not the report that lies beside them."""
    save(tmp_path / "in", suffix)
    (tmp_path / "in/_run").mkdir()
    (tmp_path / f"in/a.{suffix}").rename(tmp_path / f"in/part-00000.{suffix}")
    (tmp_path / "in/report.json").write_text('{"rows": 1}')

    assert read(config_of(str(tmp_path / "in"))).drop_columns(["row_id"]).equals(ROWS)


def test_the_outputs_of_several_runs(tmp_path):
    """Of each run in a list the parts are read, whatever the folder is called."""
    for name in ("out", "out[1]"):
        save(tmp_path / name, "jsonl")
        (tmp_path / name / "_run").mkdir()
        (tmp_path / name / "a.jsonl").rename(tmp_path / name / "part-00000.jsonl")
        (tmp_path / name / "report.json").write_text('{"rows": 1}')
    both = [str(tmp_path / name) for name in ("out", "out[1]")]

    assert read(config_of(both)).drop_columns(["row_id"]).equals(pa.concat_tables([ROWS, ROWS]))
    assert read(config_of(both[1])).num_rows == ROWS.num_rows


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input": "nowhere.csv"}, "nowhere.csv does not exist"),
        ({"input": "in"}, "formats jsonl and csv: set input_format, or name the files"),
        ({"input": "in/x.bin"}, "has names of no known ending: set input_format"),
        ({"input": ["in"], "input_format": "huggingface"}, "give the one folder that save_to_disk has made"),
        ({"input": "in/a.csv", "columns": ["m"]}, "columns has 'm', but the input has"),
        ({"input": "in/b.csv"}, "answer_column is 'answer', but the input has x: name a column"),
    ],
)
def test_what_cannot_be_read(tmp_path, monkeypatch, values, message):
    """What is missing, ambiguous or of another kind is said before anything runs."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "in", "csv")
    (tmp_path / "in/b.csv").write_text("x\n1\n")
    (tmp_path / "in/c.jsonl").write_text('{"x": 1}\n')
    (tmp_path / "in/x.bin").write_text("x")

    path, more = values["input"], {key: value for key, value in values.items() if key != "input"}
    with pytest.raises(ConfigError, match=message):
        read(config_of(path, **more), {"answer": "answer_column"})
