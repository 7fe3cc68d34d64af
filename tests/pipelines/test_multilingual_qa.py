from __future__ import annotations

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.multilingual_qa import COLUMNS, Config, build
from nemo_sdg.simulator.phrases import languages_by_name

VALUES = {
    "pipeline": "multilingual_qa",
    "num_samples": 60,
    "languages": ["English", "German", "Japanese"],
    "prompt": "Write a question and an answer in {language}. Question: ... Answer: ...",
    "generation": {"temperature": 0.9},
    "model": "m",
}


def make(simulator, tmp_path, **changes):
    """Return the pipeline for a simulated endpoint."""
    values = {**VALUES, "base_url": simulator().base_url, "output": tmp_path / "out", **changes}
    return build(Config.model_validate(values))


def test_the_dataset_has_the_promised_columns(simulator, run, rows_in, tmp_path):
    """Columns are row_id, what the pipeline promises, and status; texts have no bold markers."""
    report = run(make(simulator, tmp_path, prompt="Something in {language}, as you like"))

    rows = rows_in(tmp_path / "out")
    assert rows.column_names == ["row_id", *COLUMNS, "status"]
    assert report.counts.rows_read == 60
    assert not any("*" in text for text in rows.column("text").to_pylist())
    assert all(rows.column("question").to_pylist())


def test_rows_in_the_wrong_language_are_left_out(simulator, run, rows_in, tmp_path):
    """When the model answers in another language than asked for, the row is filtered, and counted as such."""
    prompt = "Asked for {language}, answer in German! Question: Answer:"

    report = run(make(simulator, tmp_path, prompt=prompt))

    assert set(rows_in(tmp_path / "out").column("language").to_pylist()) == {"German"}
    assert report.counts.filtered == {"language_filter": 40}


def test_no_good_row_is_taken_for_another_language(simulator, run, tmp_path):
    """Of texts in the language asked for, the filter drops none, in 22 languages."""
    names = list(languages_by_name())
    report = run(make(simulator, tmp_path, languages=names, num_samples=len(names) * 20))

    assert report.counts.rows_written == len(names) * 20


def test_a_language_that_cannot_be_detected_is_refused(simulator, tmp_path):
    """A language that the detector does not know is an error before the run, with the way out."""
    with pytest.raises(ConfigError, match=r"'Klingon' is unknown.*check_language: false"):
        make(simulator, tmp_path, languages=["Klingon", "English"])
    make(simulator, tmp_path, languages=["Klingon", "English"], check_language=False)
