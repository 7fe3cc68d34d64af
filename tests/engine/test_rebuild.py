from __future__ import annotations

import pytest

from nemo_sdg.engine.folder import RunFolder, done_file
from nemo_sdg.engine.lock import is_held, locked
from nemo_sdg.engine.rebuild import rebuild_page
from nemo_sdg.errors import OutputError


@pytest.fixture
def finished(simulator, qa_pipeline, run, tmp_path):
    """Return the folder of a run of 40 rows that is finished."""
    run(qa_pipeline(simulator().base_url, tmp_path / "out"), prices={"prompt": 1, "completion": 1})
    return RunFolder(tmp_path / "out")


def test_the_page_of_a_finished_run(finished, tmp_path):
    """The page is made anew from the folder, as it was; report.json stays."""
    page, data = tmp_path / "out" / "report.html", tmp_path / "out" / "report.json"
    before = page.read_bytes(), data.read_bytes()
    page.unlink()
    report = rebuild_page(finished)
    assert (page.read_bytes(), data.read_bytes()) == before
    assert (report.state, report.counts.rows_written) == ("finished", 40)


def test_a_report_that_is_gone_or_damaged(finished, tmp_path):
    """Without report.json the page says what the shards' marks say; none is written."""
    data = tmp_path / "out" / "report.json"
    for spoil in (data.unlink, lambda: data.write_text("{")):
        spoil()
        report = rebuild_page(finished)
        assert (report.state, report.seconds, report.counts.requests) == ("finished", 0, 40)
        assert report.simulated
        assert set(report.latency) == {"p50", "p95", "p99"}
    assert data.read_text() == "{"
    assert "finished: 40 of 40 rows in the dataset" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_a_run_that_was_killed(finished, tmp_path):
    """Rows of committed shards are on the page, all answers count; it may have been killed, it says."""
    (tmp_path / "out" / "report.json").unlink()
    finished.store.delete(done_file(0))
    report = rebuild_page(finished)
    assert (report.state, report.counts.requests) == ("stopped", 40)
    assert 0 < report.counts.rows_written < 40
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "its end was not written down, so it may have been killed" in html
    assert "run the same command again" in html


def test_a_report_from_before_rows_were_given_up(finished):
    """A report that says "finished" is not shown of a run whose shards are open again."""
    for part in range(len(finished.manifest().shards)):
        finished.store.delete(done_file(part))
    assert rebuild_page(finished).state == "stopped"


def test_a_run_that_goes_on(finished, tmp_path):
    """While a run holds the folder the page says that it is not finished, and has what is there."""
    finished.store.delete(done_file(0))
    assert not is_held(finished)
    with locked(finished):
        assert is_held(finished)
        report = rebuild_page(finished)
    assert report.state == "running"
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "this page has what is there so far" in html
    assert "Row " in html


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_no_run(tmp_path, there):
    """A folder without a run is refused, with what to give, and stays as it is."""
    folder = tmp_path / "x"
    if there:
        folder.mkdir()
    with pytest.raises(OutputError, match="holds no run: give the output folder"):
        rebuild_page(RunFolder(folder))
    assert folder.exists() == there
    assert not there or not list(folder.iterdir())


def test_in_an_object_store(simulator, qa_pipeline, run, bucket):
    """A run in a bucket has its page there, made anew with its rows; its lease is given back."""
    url = f"{bucket.url}/x"
    run(qa_pipeline(simulator().base_url, url, num_samples=6))
    folder = RunFolder(url)
    folder.store.delete("report.html")
    assert not is_held(folder)
    assert rebuild_page(folder).counts.rows_written == 6
    assert b"Row 0" in folder.store.read("report.html")
    with locked(folder):
        assert is_held(RunFolder(url))
