from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from nemo_sdg.report.notebook import Notebook
from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.observer import in_notebook, observer_for


@pytest.fixture
def shown():
    """Collect what is shown in the cell, each time the whole of it."""
    return []


def test_one_output_that_changes(shown, title, snapshot, report):
    """Progress takes the place of itself, at most twice a second of the run, and the outcome its place."""
    cell = Notebook(shown.append)
    cell.begin(title())
    for step in range(1000):
        cell.update(snapshot(step / 100, step // 10))
    assert 18 <= len(shown) <= 22
    assert '<progress value="95" max="1000"></progress>' in shown[-1]
    cell.end(report())
    assert "finished in 3 min 20 s" in shown[-1]
    assert "<progress" not in shown[-1]
    before = len(shown)
    cell.update(snapshot(99))
    cell.note("late")
    assert len(shown) == before


def test_a_stop_is_shown_at_once(shown, title, snapshot):
    """Who interrupts the kernel sees what is being waited for without waiting for the next drawing."""
    cell = Notebook(shown.append)
    cell.begin(title())
    cell.update(snapshot(5))
    cell.update(snapshot(5.01, stopping=True))
    assert "stopping: finishing 64 in flight" in shown[-1]


def test_what_rows_and_news_hold_is_text(shown, title, snapshot, report):
    """Nothing in a row, a note or a message becomes HTML, and no credential is shown."""
    cell = Notebook(shown.append)
    cell.begin(title(pipeline="<b>p</b>", simulated=True))
    cell.note("<script>x</script> at https://u:hunter2@host")
    counts = Counts(rows_read=1, rejected={"<i>: Error": 1})
    cell.update(snapshot(1, newest="<img src=x>", counts=counts))
    during = shown[-1]
    cell.end(report(state="failed", message="<u>no</u> https://u:hunter2@host", simulated=True))
    for html in (during, shown[-1], report(samples=[{"a": "<img>"}], pipeline="<u>")._repr_html_()):
        assert not any(mark in html for mark in ("<script", "<img", "<i>", "<u>", "<b>p", "hunter2"))
    assert "SIMULATED ENDPOINT" in during
    assert "SIMULATED ENDPOINT" in shown[-1]


def test_the_newest_row_stays(shown, title, snapshot):
    """A snapshot without a new row leaves the last one."""
    cell = Notebook(shown.append)
    cell.begin(title())
    cell.update(snapshot(1, newest="Hello"))
    cell.update(snapshot(2))
    assert "Hello" in shown[-1]


def test_who_is_asked(terminal, monkeypatch):
    """The kernel of a notebook is known by IPython's own word; IPython in a terminal is none."""
    assert not in_notebook()
    shell = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert not in_notebook()
    shell.kernel = object()
    assert in_notebook()
    assert type(observer_for(terminal, log_format="text")).__name__ == "LogLines"
