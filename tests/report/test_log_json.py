from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nemo_sdg.report.log_json import JsonLines
from nemo_sdg.report.numbers import Counts

_DOCS = Path(__file__).parents[2] / "docs" / "log_format.md"


@pytest.fixture
def lines(title, snapshot, report, use):
    """Return what a run of a minute writes, decoded."""
    stream = io.StringIO()
    log = JsonLines(stream)
    log.begin(title(simulated=True))
    log.note("at https://u:hunter2@host\n\ud800")
    for t in range(61):
        counts = Counts(rows_read=10 * t, rejected={"parse: ParseError": t}, requests=10 * t)
        log.update(snapshot(t, counts=counts, cost=0.1 * t, endpoints=[use()], stopping=t > 44))
    log.end(report(state="stopped", message="as asked", simulated=True))
    assert "hunter2" not in stream.getvalue()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_is_written(lines):
    """There is a line at the beginning, for news, each ten seconds and at a stop, and at the end."""
    events = ["begin", "note", *["progress"] * 7, "end"]
    assert [line["event"] for line in lines] == events
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\.\d{3}Z", line["time"]) for line in lines)
    assert all(line["simulated"] is True for line in lines)
    assert lines[0]["endpoints"] == ["https://host.example/v1"]
    assert lines[1]["message"] == "at https://host\n\ufffd"
    assert (lines[-1]["state"], lines[-1]["message"]) == ("stopped", "as asked")


def test_rows_of_any_type(report):
    """Times, bytes and what else rows hold do not keep the end from being written."""
    stream = io.StringIO()
    JsonLines(stream).end(report(samples=[{"at": datetime.now(UTC), "raw": b"\xff", "odd": object()}]))
    assert json.loads(stream.getvalue())["event"] == "end"


def test_the_numbers(lines):
    """A line of progress has numbers, not words; nothing is null but what is not known."""
    last = [line for line in lines if line["event"] == "progress"][-1]
    assert (last["elapsed"], last["rows_done"], last["rejected"]) == (60, 600, {"parse: ParseError": 60})
    assert last["requests_per_second"] == pytest.approx(10)
    assert last["latency"] == {"p50": 1.0, "p95": 4.0, "p99": 4.0}
    assert last["limits"][0]["limits"][0]["allowed"] == 6000
    assert last["stopping"] is True


def test_every_field_is_described(lines):
    """`docs/log_format.md` names all fields of progress and of the beginning."""
    described = set(re.findall(r"`([a-z_]+)`", _DOCS.read_text()))
    for event in ("begin", "progress"):
        fields = set(next(line for line in lines if line["event"] == event))
        assert fields <= described
