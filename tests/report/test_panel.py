from __future__ import annotations

import atexit

import pytest

from nemo_sdg.report.panel import Panel

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"


def test_at_most_four_redraws_a_second(terminal, title, snapshot, report):
    """However often the state changes, it is drawn at most four times a second of the run."""
    panel = Panel(terminal)
    panel.begin(title())
    before = terminal.getvalue().count("pipeline ")
    for step in range(1000):
        panel.update(snapshot(step / 100, step // 10))
    assert 35 <= terminal.getvalue().count("pipeline ") - before <= 41
    panel.end(report())


def test_a_stop_is_drawn_at_once(terminal, title, snapshot, report):
    """A person who pressed Ctrl-C does not wait for the next drawing."""
    panel = Panel(terminal)
    panel.begin(title())
    panel.update(snapshot(5))
    panel.update(snapshot(5.01, stopping=True))
    assert "stopping: finishing 64 in flight" in terminal.getvalue()
    panel.end(report())


def test_the_newest_row_stays(terminal, title, snapshot, report):
    """A snapshot without a new row leaves the last one on the panel, and is not changed."""
    panel = Panel(terminal)
    panel.begin(title())
    panel.update(snapshot(1, newest="Hello"))
    second = snapshot(2)
    panel.update(second)
    assert terminal.getvalue().count("Hello") == 2
    assert second.newest is None
    panel.end(report())


def test_the_summary_takes_its_place(terminal, title, snapshot, report):
    """At the end the panel is gone, the cursor is back, the summary stands there; later news is ignored."""
    panel = Panel(terminal)
    panel.begin(title())
    assert terminal.getvalue().count(_HIDE) == 1
    panel.update(snapshot(1))
    panel.end(report())
    ended = terminal.getvalue()
    assert ended.rindex(_SHOW) < ended.index("finished in 3 min 20 s")
    panel.update(snapshot(9))
    assert terminal.getvalue() == ended


def test_a_run_that_breaks_off_leaves_the_cursor(terminal, title, monkeypatch):
    """A process that ends without `end` still gives the cursor back."""
    at_exit = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    Panel(terminal).begin(title())
    assert _SHOW not in terminal.getvalue()
    at_exit[0]()
    assert _SHOW in terminal.getvalue()


@pytest.mark.parametrize(("simulated", "start"), [(False, "resuming"), (True, "[simulated] resuming")])
def test_notes(terminal, title, report, simulated, start):
    """News stands above the panel, broken between words only, without markup and credentials."""
    panel = Panel(terminal)
    panel.note("before it began")
    panel.begin(title(simulated=simulated))
    panel.note("resuming: [red]300[/red] rows\nof https://u:hunter2@host are done, " + "x" * 80)
    text = terminal.getvalue()
    assert f"{start}: [red]300[/red] rows of https://host are done," in " ".join(text.split())
    assert f"\n{'x' * 80}\n" in text
    assert "hunter2" not in text
    panel.end(report())


def test_no_color(terminal, title, snapshot, report):
    """With NO_COLOR nothing is coloured."""
    panel = Panel(terminal)
    panel.begin(title(simulated=True))
    panel.update(snapshot(1, stopping=True))
    panel.end(report(state="failed", simulated=True))
    assert "\x1b[33" not in terminal.getvalue()
    assert ";33m" not in terminal.getvalue()
    assert "31m" not in terminal.getvalue()


def test_a_terminal_that_went_away(terminal, title, snapshot, report, monkeypatch):
    """A run goes on when its terminal is gone."""

    def gone(_text):
        raise BrokenPipeError

    panel = Panel(terminal)
    panel.begin(title())
    monkeypatch.setattr(terminal, "write", gone)
    panel.update(snapshot(1))
    panel.note("news")
    panel.end(report())
