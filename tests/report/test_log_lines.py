from __future__ import annotations

import io

from nemo_sdg.report.log_lines import LogLines
from nemo_sdg.report.numbers import Counts


def _run(title, snapshots, report) -> list[str]:
    stream = io.StringIO()
    lines = LogLines(stream)
    lines.begin(title)
    for snapshot in snapshots:
        lines.update(snapshot)
    lines.note("one\nline")
    lines.end(report)
    assert stream.getvalue().endswith("\n")
    return stream.getvalue().splitlines()


def test_a_line_each_ten_seconds(title, snapshot, report):
    """There is a line at the beginning, one each ten seconds of the run, and the summary."""
    lines = _run(title(), [snapshot(t / 4, t) for t in range(4 * 35)], report())
    assert lines[0] == (
        "multilingual_qa -> out/qa: 1,000 rows, small at https://host.example/v1; 2 workers, engine local"
    )
    assert [line.partition(":")[0] for line in lines[1:4]] == ["10 s", "20 s", "30 s"]
    assert lines[4] == "one line"
    assert lines[5].startswith("multilingual_qa: finished in 3 min 20 s")


def test_a_long_silence_is_made_up_for_by_one_line(title, snapshot, report):
    """When no snapshot came for a minute, one line follows, and the next at the next ten seconds."""
    lines = _run(title(), [snapshot(t) for t in (1, 65, 69, 70)], report())
    assert [line.partition(":")[0] for line in lines[1:3]] == ["1 min 5 s", "1 min 10 s"]
    assert lines[3] == "one line"


def test_what_a_line_says(title, snapshot, report):
    """A line has progress, the seconds left, outcomes, rates, flow, trouble, latency and workers."""
    line = _run(title(), [snapshot(t, 10 * t) for t in range(21)], report())[2]
    assert line == (
        "20 s: 200 of 1,000 rows (20 %), 1 min 20 s left; 200 written, 0 rejected, 0 filtered; "
        "100/s requests (mean 100/s); 1,000/s tokens (mean 1,000/s); 64 of 128 allowed in flight; "
        "0 throttles, 0 retries, 0 failed; latency p50 1.0 s, p95 4.0 s, p99 4.0 s; 2 of 3 workers"
    )


def test_every_line_says_simulated(title, snapshot, report):
    """When the endpoint is simulated, every line says so, those of the summary too."""
    snapshots = [snapshot(t, t, stopping=t > 20) for t in range(40)]
    failed = report(state="failed", message="no\nroom", simulated=True)
    lines = _run(title(simulated=True), snapshots, failed)
    assert len(lines) > 20
    assert all(line.startswith("[simulated] ") for line in lines)


def test_a_stop_is_said_at_once_and_once(title, snapshot, report):
    """The moment a stop is asked for, one line says what is being waited for."""
    lines = _run(title(), [snapshot(t, stopping=t > 2) for t in range(8)], report())
    assert lines[1] == "3.0 s: stopping: finishing 64 in flight; Ctrl-C stops at once"
    assert lines[2] == "one line"


def test_a_stop_says_how_long_it_takes(title, snapshot, report):
    """Where it is known how long a stop waits, the line says so."""
    lines = _run(title(), [snapshot(2, stopping=True, stop_within=25.0)], report())
    assert lines[1] == "2.0 s: stopping: finishing 64 in flight, at most 25 s; Ctrl-C stops at once"


def test_money_and_answers_that_were_cut_off(title, snapshot, report):
    """A line says what was spent and how many answers were cut off, where there is anything to say."""
    counts = Counts(rows_read=200, requests=400, truncated=12)
    line = _run(title(), [snapshot(10, cost=4.56, counts=counts)], report())[1]
    assert "tokens (mean 0/s); spent 4.56 so far; 64 of 128 allowed in flight; " in line
    assert " failed; 12 answers cut off at max_tokens (3 %); latency" in line
    line = _run(title(simulated=True), [snapshot(10, cost=4.56)], report())[1]
    assert "; spent 4.56 so far (simulated: nothing is paid); " in line


def test_no_credential_is_written(title, report):
    """Credentials in URLs, notes and messages are left out."""
    stream = io.StringIO()
    lines = LogLines(stream)
    lines.begin(title(output="s3://me:hunter2@bucket/out"))
    lines.note("asking https://me:hunter2@host")
    lines.end(report(state="failed", message="https://me:hunter2@host is gone"))
    assert "hunter2" not in stream.getvalue()


def test_limits_are_said(title, snapshot, report, use):
    """A line says the limits and what held the job back in short form, marked when simulated."""
    held = {"requests per minute": 62.0, "no rows at hand": 30.0, "x": 8.0}
    made = [snapshot(10, endpoints=[use(pause=12.0)], held_back=held)]
    line = _run(title(simulated=True), made, report(simulated=True))[1]
    assert line.startswith("[simulated] 10 s: ")
    assert (
        "allowed in flight; limits: paused 12 s, 98 % of 6,000 requests/min, 60 % of 2.0 M tokens/min; "
        "held back: 62 % requests per minute, 30 % no rows at hand; 0 throttles"
    ) in line


def test_no_credential_of_an_endpoint_is_written(title, snapshot, report, use):
    """Endpoints of one model are told apart by their URLs, without user, password and query."""
    both = [use(), use(endpoint="https://me:hunter2@other.example/v1?key=hunter2")]
    line = _run(title(), [snapshot(10, endpoints=both)], report())[1]
    assert "limits of small at host.example/v1: 98 % of 6,000" in line
    assert "limits of small at other.example/v1: 98 % of 6,000" in line
    assert "hunter2" not in line
