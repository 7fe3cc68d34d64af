from __future__ import annotations

import io
import re

import pytest

from nemo_sdg.report.numbers import Counts, UseAt
from nemo_sdg.report.summary import plain_lines, write_summary
from nemo_sdg.report.text import display_width

_GO_ON = {
    "stopped": "to go on: run the same command again: finished rows and answers are kept",
    "failed": "to go on: mend that, then run the same command again: finished rows and answers are kept",
}


def test_what_it_says(report):
    """The summary has the counts, their reasons by frequency, the times, a row and the paths, aligned."""
    assert plain_lines(report()) == [
        "multilingual_qa: finished in 3 min 20 s: 980 of 1,000 rows in the dataset",
        "15 rejected rows in rejected/: run again with --retry rejected to ask those again",
        "rows:",
        "  rows done       1,000 (100 %)",
        "  written         980 (98 %)",
        "  rejected        15 (1.5 %)",
        "                  10  parse: ParseError",
        "                  5  generate: ContextLengthError",
        "  filtered        5 (0.5 %)",
        "                  5  language",
        "requests:",
        "  sent            1,100 in 1,150 attempts",
        "  trouble         25 throttles, 25 retries, 5 failed",
        "  answers reused  30, not paid for again",
        "  tokens          812,000 prompt, 1,234,567 completion",
        "this run:",
        "  model           small at https://host.example/v1",
        "  time            3 min 20 s, first request after 3.4 s",
        "  speed           12.3/s requests",
        "  latency         p50 840 ms, p95 1.9 s, p99 3.2 s",
        "row 1:",
        "  question        How?",
        "  answer          So.",
        "files:",
        "  dataset         out/qa/",
        "  rejected rows   out/qa/rejected/",
        "  report page     out/qa/report.html",
        "  report as data  out/qa/report.json",
    ]


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_how_to_go_on(report, terminal, state):
    """A run that ended early says why and that running it again goes on, as text and as a table."""
    ended = report(state=state, message="no room at https://me:hunter2@host\nnow")
    assert plain_lines(ended)[1:3] == ["why: no room at https://host now", _GO_ON[state]]
    write_summary(ended, terminal)
    assert "why: no room at https://host now" in terminal.getvalue()
    assert _GO_ON[state] in " ".join(terminal.getvalue().split())


def test_simulated_is_said(report, terminal):
    """Each line of a log says that the endpoint is simulated; a table says it below how the run ended."""
    stream = io.StringIO()
    write_summary(report(simulated=True), stream)
    assert all(line.startswith("[simulated] ") for line in stream.getvalue().splitlines())
    write_summary(report(simulated=True), terminal)
    _, _, end = terminal.getvalue().rpartition("finished in")
    assert "SIMULATED ENDPOINT" in end.splitlines()[1]


def test_a_run_that_never_asked(report):
    """A run that failed before its first request has nothing to divide by and no row to show."""
    failed = report(
        state="failed",
        counts=Counts(),
        rows_total=0,
        seconds_to_first_request=None,
        requests_per_second=None,
        latency={},
        samples=[],
        models=[],
        endpoints=[],
    )
    text = "\n".join(plain_lines(failed))
    assert "first request after -" in text
    assert "row 1" not in text
    assert "rejected/" not in text


def test_the_table_fits(report, terminal):
    """On 80 columns no line but paths is wider, and a path is whole, however long, to be copied."""
    rows = [{"q" * 90: "日本の首都はどこですか " * 30, "a": "[bold]x[/bold]\x1b[2J", "n": [{"k": None}]}] * 5
    output = "/data/" + "x" * 100
    write_summary(report(samples=rows, output=output), terminal)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    paths = [line for line in lines if output in line]
    assert [line.split()[-1] for line in paths] == [
        f"{output}/",
        f"{output}/rejected/",
        f"{output}/report.html",
        f"{output}/report.json",
    ]
    assert max(display_width(line) for line in lines if line not in paths) <= 80
    assert "[bold]x[/bold]\ufffd[2J" in "\n".join(lines)
    assert sum("日本" in line for line in lines) == 3


def test_many_reasons_and_fields_are_cut_short(report):
    """A hundred kinds of errors or columns do not push the paths off the screen, and none is lost."""
    counts = Counts(rejected={f"stage: Error{n}": 1 for n in range(100)})
    lines = plain_lines(report(counts=counts, samples=[{f"column{n}": n for n in range(100)}]))
    assert len(lines) < 50
    assert any(line.endswith("92  of 92 more kinds") for line in lines)
    assert any(line.endswith("and 90 more fields") for line in lines)


def test_limits_are_said(report, moments):
    """The summary has the mean use of each known limit and what held the job back, with shares."""
    used = moments((100.0, 0.0), (100.0, 90.0), (50.0, 30.0)) + moments((None, 9.0), name="tokens")
    held = {"requests per minute": 60.0, "no rows at hand": 39.0, "pause after a throttle": 1.0}
    lines = plain_lines(report(limits=used, held_back=held))
    start = lines.index("limits:")
    assert lines[start : start + 6] == [
        "limits:",
        "  requests        mean 80 % of 50 to 100/min, configured",
        "held back:",
        "  60 %            requests per minute",
        "  39 %            no rows at hand",
        "  1 %             pause after a throttle",
    ]


def test_many_limits_and_reasons_are_cut_short(report, use, terminal):
    """Dozens of endpoints and reasons leave room for the rest, and their number is said."""
    many = [UseAt(1.0, [use(model=f"model{n}") for n in range(20)])]
    made = report(limits=many, held_back={f"reason {n}": 1.0 for n in range(20)})
    lines = plain_lines(made)
    assert "  of              model0" in lines
    assert "                  and 52 more limits" in lines
    assert "  80 %            16 more reasons" in lines
    assert len(lines) < 50
    write_summary(made, terminal)
    assert "and 52 more limits" in terminal.getvalue()


def test_nothing_is_said_of_no_limit(report, moments):
    """Without a known limit and without anything that held the job back there are no such sections."""
    bare = report(limits=moments((None, 5.0)), held_back={"x": 0.0})
    assert plain_lines(bare) == plain_lines(report())


def test_money_is_said(report, terminal):
    """Where prices are known the summary says what was spent, and all of it on 80 columns."""
    made = report(cost=4.9, max_cost=20.0, simulated=True)
    lines = plain_lines(made)
    start = lines.index("  spent           4.90 of 20.00")
    assert lines[start + 1 : start + 3] == [
        "                  5.00 per 1,000 rows written",
        "                  simulated endpoint: what it would have cost",
    ]
    write_summary(made, terminal)
    assert "simulated endpoint: what it would have cost" in terminal.getvalue()


def test_what_to_ask_again(report, terminal):
    """Answers that were cut off and rejected rows are said at the top, with what to do about them."""
    counts = Counts(rejected={"x": 2}, requests=400, truncated=12)
    raise_it = "raise generation.max_tokens and run again with --retry truncated"
    expected = [
        f"12 answers cut off at max_tokens (3 %): {raise_it}",
        "2 rejected rows in rejected/: run again with --retry rejected to ask those again",
    ]
    assert plain_lines(report(counts=counts))[1:3] == expected
    write_summary(report(counts=counts), terminal)
    words = " ".join(terminal.getvalue().split())
    assert all(line in words for line in expected)


def test_nothing_is_said_of_no_reuse(report):
    """Reused answers are only spoken of where there are some."""
    assert not any("reused" in line for line in plain_lines(report(counts=Counts(requests=5))))


def test_reasoning_is_said(report):
    """Where servers count reasoning, its share of the completion tokens is shown; else nothing is."""
    counts = Counts(prompt_tokens=10, completion_tokens=300, reasoning_tokens=200)

    assert "  tokens          10 prompt, 300 completion (200 of them reasoning)" in plain_lines(
        report(counts=counts)
    )
