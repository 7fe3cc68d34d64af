from __future__ import annotations

import io
import subprocess
import sys

import pytest

from nemo_sdg.report.log_json import JsonLines
from nemo_sdg.report.log_lines import LogLines
from nemo_sdg.report.observer import Quiet, observer_for
from nemo_sdg.report.panel import Panel


def test_who_is_told(terminal, monkeypatch):
    """A terminal gets a panel, everything else lines, and nobody anything when quiet."""
    assert isinstance(observer_for(terminal), Panel)
    assert isinstance(observer_for(io.StringIO()), LogLines)
    assert isinstance(observer_for(terminal, quiet=True), Quiet)
    assert isinstance(observer_for(terminal, log_format="text"), LogLines)
    assert isinstance(observer_for(terminal, log_format="json"), JsonLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(observer_for(terminal), LogLines)


@pytest.mark.parametrize(("state", "lines"), [("finished", 0), ("stopped", 0), ("failed", 1)])
def test_quiet(title, snapshot, report, state, lines):
    """Quiet means silent but for why a run failed, on one line that says when it was simulated."""
    stream = io.StringIO()
    observer = observer_for(stream, quiet=True)
    observer.begin(title())
    observer.note("news")
    observer.update(snapshot(30, 10))
    observer.end(report(state=state, message="no\nkey at https://u:hunter2@host", simulated=True))
    assert stream.getvalue().count("\n") == lines
    if lines:
        assert stream.getvalue() == "[simulated] failed: no key at https://host\n"


def test_log_lines_import_little():
    """Importing what writes log lines imports neither rich nor jinja2: both are slow to import."""
    code = "import sys, nemo_sdg.report.log_lines as _; print({'rich', 'jinja2'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
