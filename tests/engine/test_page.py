from __future__ import annotations

from pathlib import Path

import pytest

from nemo_sdg import JsonlReader, JsonlWriter, Pipeline
from nemo_sdg.engine import page
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.simulator import Faults


def _page(folder) -> str:
    return (Path(folder) / "report.html").read_text("utf-8")


def test_a_run_has_all_of_its_page(simulator, qa_pipeline, run, tmp_path):
    """A run's page has its latencies, tokens, languages, duplicates, rejected rows and others."""
    endpoint = simulator(faults=Faults(null_content=0.3))
    report = run(qa_pipeline(endpoint.base_url, tmp_path / "out", max_retries=0))
    html = _page(tmp_path / "out")
    for section in ("spread", "languages", "duplicates", "rejected", "sample-rows", "made", "again"):
        assert f'<h2 id="{section}">' in html, section
    assert sum(report.counts.latencies.values()) == 40
    assert "ContentFilterError" in html
    assert "sent as user" in html
    assert "Detected in <bdi>text</bdi>" in html


def test_a_failing_analysis_is_a_note(simulator, qa_pipeline, run, tmp_path, monkeypatch):
    """When rows cannot be looked at the run is finished all the same, and the page says why."""

    def fail(*_args):
        raise MemoryError("no room <b>")

    monkeypatch.setattr(page, "analysis_of", fail)
    report = run(qa_pipeline(simulator().base_url, tmp_path / "out", num_samples=5))
    assert report.state == "finished"
    html = _page(tmp_path / "out")
    assert "The rows could not be looked at: MemoryError: no room &lt;b&gt;" in html
    assert "Row 0" in html


def test_languages_that_cannot_be_detected_are_a_note(simulator, qa_pipeline, run, tmp_path, monkeypatch):
    """When only the languages fail, all else is on the page."""
    monkeypatch.setattr(page, "found_languages", lambda *_args: 1 / 0)
    run(qa_pipeline(simulator().base_url, tmp_path / "out", num_samples=5))
    html = _page(tmp_path / "out")
    assert "The languages could not be detected: ZeroDivisionError" in html
    assert '<h2 id="duplicates">' in html


def test_a_page_that_cannot_be_made_fails_no_run(simulator, qa_pipeline, go, tmp_path, monkeypatch):
    """Without a page the run is finished, report.json is there, and it is said what happened."""
    monkeypatch.setattr(RunFolder, "write_page", lambda *_args: {}["x"])
    report, notes = go(qa_pipeline(simulator().base_url, tmp_path / "out", num_samples=5))
    assert report.state == "finished"
    assert (tmp_path / "out" / "report.json").exists()
    assert any("the page of" in note and "KeyError" in note for note in notes)


@pytest.mark.parametrize("rows", [0, 3])
def test_rows_without_texts_and_no_rows(run, tmp_path, rows):
    """A dataset without any text, and one without rows, have a page; it names the input and its digest."""
    (tmp_path / "in.jsonl").write_text('{"n": 1, "deep": {"a": [1, null]}}\n' * 3)
    keep = Pipeline(
        "numbers",
        stages=[
            JsonlReader(tmp_path / "in.jsonl"),
            lambda batch: batch.slice(0, rows),
            JsonlWriter(path=tmp_path / "out"),
        ],
    )
    report = run(keep)
    assert report.counts.rows_written == rows
    html = _page(tmp_path / "out")
    assert ("The dataset has no rows." in html) == (rows == 0)
    assert "in.jsonl</bdi>" in html
    assert "digest " in html
    assert '<h2 id="duplicates">' not in html


def test_a_damaged_part_is_said(simulator, qa_pipeline, run, tmp_path):
    """A part that cannot be read is a note, and the rows of the others are there."""
    run(qa_pipeline(simulator().base_url, tmp_path / "out"))
    first = min((tmp_path / "out").glob("part-*.parquet"))
    first.write_bytes(b"no parquet")
    folder = RunFolder(tmp_path / "out")
    page.write_page(folder, folder.manifest(), folder.read_report())
    html = _page(tmp_path / "out")
    assert "1 of the dataset&#39;s files cannot be read: nemo-sdg verify says which" in html
    assert "a sample of" in html
