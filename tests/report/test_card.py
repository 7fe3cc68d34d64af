from __future__ import annotations

import glob
import json

import pytest
import yaml

from nemo_sdg import JsonlWriter, ParquetWriter
from nemo_sdg.report.card import card, is_ours, write_card
from nemo_sdg.report.numbers import Counts
from nemo_sdg.storage import Store

LANGUAGES = {"English", "French", "German"}


@pytest.fixture(params=[ParquetWriter, JsonlWriter])
def dataset(request, simulator, qa_pipeline, run, tmp_path):
    """Run a job into a folder; return the folder, with its report beside the rows, and their suffix."""
    output = tmp_path / "out"
    pipeline = qa_pipeline(simulator().base_url, output, writer=request.param)
    assert run(pipeline, shard_rows=16).state == "finished"
    assert (output / "report.html").exists()
    return output, request.param.suffix


def test_pandas_loads_it(dataset):
    """The parts make one pandas frame."""
    import pandas as pd

    folder, suffix = dataset
    parts = sorted(glob.glob(f"{folder}/part-*{suffix}"))  # noqa: PTH207 - as the card says it
    if suffix == ".parquet":
        frame = pd.read_parquet(parts)
    else:
        frame = pd.concat(pd.read_json(part, lines=True) for part in parts)

    assert (len(parts), len(frame), set(frame["language"])) == (3, 40, LANGUAGES)


def test_duckdb_loads_it(dataset):
    """DuckDB reads the parts as one table."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    folder, suffix = dataset

    found = duckdb.sql(f"select count(*), count(distinct language) from '{folder}/part-*{suffix}'").fetchall()

    assert found == [(40, 3)]


def test_datasets_loads_it(dataset, tmp_path):
    """`load_dataset` of the folder gives the rows as the split train, whatever else lies beside them."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    folder, _ = dataset

    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))

    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 40}
    assert set(loaded["train"]["language"]) == LANGUAGES


@pytest.mark.ray
def test_ray_data_loads_it(dataset, ray_instance):
    """Ray Data reads the folder when it is told which files are rows."""
    folder, suffix = dataset
    read = {".parquet": ray_instance.data.read_parquet, ".jsonl": ray_instance.data.read_json}[suffix]

    rows = read(str(folder), file_extensions=[suffix.removeprefix(".")])

    languages = [row["language"] for row in rows.take_all()]
    assert (len(languages), set(languages)) == (40, LANGUAGES)


def test_what_the_card_says(report):
    """The front matter names the parts alone; the text says what made how many rows, and whether all."""
    made = report(
        pipeline="my `qa`\n<b>",
        models=["m/x"],
        simulated=True,
        state="stopped",
        rows_total=5000,
        counts=Counts(rows_read=1300, rows_written=1200, rejected={"a: b": 60}, filtered={"f": 40}),
    )
    text = card(made, ".parquet")

    assert yaml.safe_load(text.split("---\n")[1]) == {
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "part-*.parquet"}]}],
        "size_categories": ["1K<n<10K"],
        "tags": ["synthetic"],
    }
    assert "\n# my 'qa' (b>\n" in text
    assert "This dataset is synthetic: text in it was made by `m/x`, through" in text
    assert "The simulated endpoint answered" in text
    assert "not finished: 1,300 of the 5,000 rows" in text
    assert "| 1,200 | 60 | 40 | 5,000 | 0 | 0 |" in text
    assert "synthetic" not in card(report(models=[]), ".jsonl")
    assert "simulated" not in card(report(simulated=False, models=["m"]), ".jsonl")


def test_a_card_of_ones_own_stays(report, tmp_path):
    """A card is written anew until somebody takes the mark away; without rows there is none."""
    store = Store.open(tmp_path)
    write_card(report(), store)
    assert not (tmp_path / "README.md").exists()

    (tmp_path / "part-00000.jsonl").write_text("{}\n")
    write_card(report(pipeline="first"), store)
    write_card(report(pipeline="second"), store)
    assert "# second" in (tmp_path / "README.md").read_text()
    assert is_ours(store)

    (tmp_path / "README.md").write_text("# mine")
    write_card(report(), store)
    assert (tmp_path / "README.md").read_text() == "# mine"
    assert not is_ours(store)


def test_beginning_anew_takes_our_card_away(dataset):
    """Clearing a run takes its card along, and leaves one that is not ours; the folder is still a run's."""
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.verify import verify

    output, _ = dataset
    folder = RunFolder(output)
    assert verify(folder).problems == []
    assert not folder.is_foreign()
    assert json.loads((output / "report.json").read_text())["counts"]["rows_written"] == 40

    folder.clear()
    assert not (output / "README.md").exists()
    (output / "README.md").write_text("# mine")
    folder.clear()
    assert (output / "README.md").exists()
