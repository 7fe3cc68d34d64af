from __future__ import annotations

import pytest

from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.panel_text import panel_lines
from nemo_sdg.report.rates import Rates
from nemo_sdg.report.text import display_width


@pytest.fixture
def say(title, snapshot):
    """Make the panel's text of a title and a snapshot after 20 s at a steady pace."""

    def make(width=80, height=None, *, unicode=True, title_changes=None, **changes) -> list[str]:
        rates = Rates()
        for t in range(20):
            rates.add(snapshot(t, 10 * t))
        last = snapshot(20, 200, **changes)
        rates.add(last)
        lines = panel_lines(title(**(title_changes or {})), last, rates, width, height, unicode=unicode)
        return [line.plain for line in lines]

    return make


def test_what_it_says(say):
    """The panel has all that a person watches, each on a labelled line."""
    counts = Counts(
        rows_read=200,
        rows_written=190,
        rejected={"parse: ParseError": 2, "generate: BadAnswerError": 5},
        filtered={"language": 3},
        requests=2000,
        attempts=2100,
        throttles=60,
        failures=4,
        prompt_tokens=2_000_000,
        completion_tokens=20_000,
    )
    lines = say(counts=counts, tokens_before=2_000_000, newest="Hello")
    assert lines[1:4] == [
        "pipeline  multilingual_qa (local)",
        "output    out/qa",
        "model     small at https://host.example/v1",
    ]
    assert lines[4].endswith("░   200 of 1,000 rows (20 %)")
    assert lines[4].count("█") == 7
    assert lines[4].count("░") == 32
    assert lines[5:14] == [
        "time      20 s so far, about 1 min 20 s left",
        "          190 written, 7 rejected, 3 filtered",
        "rejected  5 generate: BadAnswerError, 2 parse: ParseError",
        "requests      100/s now     100/s mean     2,000 in all",
        "tokens      1,000/s now   1,000/s mean     2.0 M in all",
        "trouble   60 throttles, 40 retries, 4 failed",
        "latency   p50  1.0 s  p95  4.0 s  p99  4.0 s",
        "in flight  64 of 128 allowed, 2 of 3 workers alive",
        "newest    Hello",
    ]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("newest", ["日本の首都" * 50, "القاهرة " * 50, "e\u0301" * 900, "👩‍👧 " * 90, None])
def test_no_line_is_wider_than_the_terminal(say, width, newest):
    """No line reaches the last column, whatever script the newest row is in."""
    lines = say(
        width,
        newest=newest,
        stopping=True,
        stop_within=1e6,
        cost=1e12,
        counts=Counts(truncated=10**15),
        title_changes={"output": "x" * 300, "simulated": True},
    )
    assert max(map(display_width, lines)) < width


def test_a_narrow_terminal_has_no_bar(say):
    """Where a bar would be too short to read, the numbers stand alone."""
    assert "rows        200 of 1,000 rows (20 %)" in say(48)


def test_nothing_jumps(title, snapshot):
    """Numbers that grow push nothing aside: what is beside them stands where it stood."""

    def ends(rows: int) -> list[tuple[int, ...]]:
        rates = Rates()
        for t in range(20):
            rates.add(snapshot(t, rows * t // 20))
        last = snapshot(20, rows, in_flight=rows)
        rates.add(last)
        lines = [line.plain for line in panel_lines(title(), last, rates, 80)]
        words = (" of 1,000 rows", " now", " mean", " in all", " p95", " allowed")
        return [tuple(line.find(word) for word in words) for line in lines]

    assert ends(20) == ends(100)


@pytest.mark.parametrize("height", [1, 3, 8, 16, 23])
def test_it_fits_any_height(say, use, height):
    """Where not all lines fit, those stay that matter most: that rows are made up, and how far the run is."""
    counts = Counts(rows_read=200, rejected={"a: B": 1}, truncated=1)
    changes = {"counts": counts, "stopping": True, "cost": 1.0, "endpoints": [use()], "held_back": {"x": 9.0}}
    lines = say(height=height, newest="x", title_changes={"simulated": True}, **changes)
    assert len(lines) == min(height, 22)
    assert "SIMULATED" in lines[0] or height > 20
    assert height < 3 or any("200 of 1,000 rows" in line for line in lines)
    assert height < 8 or any(line.startswith("spent") for line in lines)


def test_the_newest_row_is_harmless(say):
    """A row cannot take over the terminal: no markup, no control characters, one line."""
    newest = "[bold red]a[/] [/nothing]\n\x1b[2J\x1b]0;title\x07\u202eb"
    assert say(newest=newest)[-2] == "newest    [bold red]a[/] [/nothing] \ufffd[2J\ufffd]0;title\ufffdb"


def test_simulated_is_said(say):
    """A line says that rows are made up, and only when they are."""
    banner = "SIMULATED ENDPOINT — rows are made up, no model is asked"
    assert banner in say(title_changes={"simulated": True})
    assert banner not in say()


def test_stopping_is_said(say):
    """A person who pressed Ctrl-C reads what is being waited for, in full on 80 columns."""
    expected = "stopping: finishing 12,345 in flight, at most 25 s; Ctrl-C stops at once"
    assert expected in say(stopping=True, in_flight=12_345, stop_within=24.4)


def test_money_is_said(say):
    """What was spent stands under the tokens; in full on 80 columns when it is simulated, too."""
    lines = say(cost=1234.56, rows_total=200)
    tokens = "tokens      1,000/s now   1,000/s mean    20,000 in all"
    assert lines.index("spent     1,234.56 so far") == lines.index(tokens) + 1
    lines = say(cost=1234.56, rows_total=200, title_changes={"simulated": True})
    assert "spent     1,234.56 so far (simulated: nothing is paid)" in lines


def test_answers_that_were_cut_off_are_seen(title, snapshot):
    """Answers that were cut off have a yellow line under the trouble, where there are any."""
    made = snapshot(20, counts=Counts(rows_read=200, requests=400, truncated=12))
    lines = panel_lines(title(), made, Rates(), 80)
    (cut,) = (line for line in lines if "cut off" in line.plain)
    assert cut.plain == "          12 answers cut off at max_tokens (3 %)"
    assert any(span.style == "yellow" for span in cut.spans)


def test_plain_terminals(say, title):
    """A terminal without block characters gets a bar of ASCII."""
    text = "".join(say(unicode=False, title_changes={"simulated": True}))
    assert text.isascii()
    assert "####" in text
    assert all(line.plain.isascii() for line in panel_lines(title(), None, Rates(), 80, unicode=False))


def test_nothing_to_do(say):
    """A run without rows has no bar and divides by nothing."""
    assert "rows      no rows" in say(rows_total=0)


def test_limits_are_said(say, use):
    """Each limit is said with its use, share and source, and so is what held the job back most."""
    held = {"requests per minute": 62.0, "no rows at hand": 30.0, "pause after a throttle": 8.0}
    lines = say(endpoints=[use()], held_back=held)
    first = lines.index("limits    requests 5,870 of 6,000/min (98 %), configured")
    assert lines[first + 1 : first + 3] == [
        "          tokens 1.2 M of 2.0 M/min (60 %), from headers",
        "held back 62 % requests per minute, 30 % no rows at hand",
    ]


def test_a_pause_is_seen(title, snapshot, use):
    """A pause is yellow, and adds no line: what is below it must not jump."""
    made = [snapshot(20, endpoints=[use(pause=pause)]) for pause in (0.0, 12.0)]
    before, during = (panel_lines(title(), one, Rates(), 80) for one in made)
    assert len(before) == len(during)
    (paused,) = (line for line in during if "paused" in line.plain)
    assert paused.plain == "limits    paused 12 s; requests 5,870 of 6,000/min (98 %), configured"
    assert any(span.style == "yellow" for span in paused.spans)
    assert not any(span.style == "yellow" for line in before for span in line.spans)


def test_nothing_is_said_of_no_limit(say, use):
    """When no limit is known and nothing held the job back, the panel is what it was."""
    unknown = use(("requests", None, 120.0, ""), ("in flight", 64.0, 3.0, "configured"))
    assert say(endpoints=[unknown], held_back={"no rows at hand": 0.1}) == say()


@pytest.mark.parametrize("width", [20, 50, 80, 200])
@pytest.mark.parametrize("endpoints", [1, 2, 9])
def test_limits_fit_the_terminal(say, use, width, endpoints):
    """Limits of any number of endpoints with any names stay inside of the terminal, in few lines."""
    many = [use(model=f"{n}" + "日本" * 40, pause=9e9) for n in range(endpoints)]
    lines = say(
        width,
        endpoints=many,
        held_back={"日本" * 90: 9.0},
        cost=1.0,
        counts=Counts(truncated=1),
        newest="x",
        stopping=True,
        title_changes={"simulated": True},
    )
    assert max(map(display_width, lines)) < width
    assert len(lines) <= 24
