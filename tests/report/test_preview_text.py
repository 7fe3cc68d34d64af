from __future__ import annotations

import pytest

from nemo_sdg.report.preview_text import row_lines, summary_lines
from nemo_sdg.report.text import display_width
from nemo_sdg.report.traces import Exchange, PreviewSummary, Refused, RowChange, RowTrace, Spent, StageTrace


def trace(text="x", **more):
    """Return a row for which `text` was asked, answered and kept."""
    asked = Exchange(
        model="m",
        messages=[{"role": "user", "content": text}],
        texts=[text],
        finish_reasons=["stop"],
        prompt_tokens=1200,
        completion_tokens=34,
        latency=0.25,
    )
    stage = StageTrace("ask", 1, [asked], [RowChange({"text": text, "model": "m"}, {})], [], **more)
    return RowTrace(7, {"row_id": 7, "language": "Greek"}, [stage], [{"text": text}], [])


def shown(made, width=79, **options):
    """Return the lines of a row as one text."""
    return "\n".join(line.text for line in row_lines(made, width, **options))


@pytest.mark.parametrize("width", [40, 79, 200])
@pytest.mark.parametrize(
    "text",
    [
        "word " * 400,
        "漢字かな交じり文" * 60,
        "شاهد النص العربي " * 50,
        "a" * 3000,
        "one\n\n\ttwo\r\nthree\x1b[31m red\u202e turned",
        "",
        "👩‍👩‍👧 " * 99,
    ],
)
def test_no_line_is_wider_than_the_terminal(text, width):
    """Whatever the script, lines fit, and nothing in them steers a terminal."""
    for full in (False, True):
        lines = [line.text for line in row_lines(trace(text), width, full=full)]
        assert max(map(display_width, lines)) <= width
        assert not {"\x1b", "\t", "\u202e", "\n"} & set("".join(lines))


def test_a_row_says_what_happened():
    """The lines hold the input, the messages, the answer, how it ended, and the columns that came."""
    text = shown(trace("Why is the sky blue?"))

    for words in (
        "row 7 ---",
        " kept",
        "language Greek",
        " 2 ask",
        "user       Why is the sky blue?",
        "answer     Why is the sky blue?",
        "stop; 1,200 + 34 tokens; 250 ms; m",
        "+          text = the answer, model m",
    ):
        assert words in text


def test_long_texts_keep_their_beginning_and_end():
    """A long text is cut in its middle, saying how to see all of it; `full` cuts nothing."""
    text = "begin " + "word " * 2000 + "end"

    short, whole = shown(trace(text)), shown(trace(text), full=True)

    assert "begin" in short
    assert "word end" in short
    assert "characters more, all with --full" in short
    assert 3 * len(short.splitlines()) < len(whole.splitlines())
    assert "--full" not in whole


def test_rows_that_are_lost_say_why():
    """Left out and rejected rows name the reason, and the heading what became of the row."""
    lost = trace(filtered=1, settings={"min_words": 50, "text": "too short"})
    lost.made = []
    assert "left out   1 row: min_words 50, text too short" in shown(lost)
    assert shown(lost).splitlines()[0].endswith(" filtered")

    lost.stages[0].rejected = [Refused("ParseError", "no question")]
    assert "rejected   ParseError: no question" in shown(lost)
    assert shown(lost).splitlines()[0].endswith(" rejected")


def test_when_filters_leave_nothing_to_ask():
    """The whole job is not said to cost nothing because the rows that were looked at are left out."""
    none = Spent(0, 0, 0, None)
    summary = PreviewSummary(5, 0, {"length_filter": 5}, {}, none, 1000, none)
    text = " ".join(line.text for line in summary_lines(summary, 79, simulated=False))
    assert "whole job" not in text
    assert "--from" in text


def test_summary():
    """The end says what became of the rows, what was spent and what the whole job would cost."""
    summary = PreviewSummary(
        rows=5,
        kept=3,
        filtered={"length_filter": 1},
        rejected={"ask: ParseError": 1},
        spent=Spent(5, 500, 250, 0.01),
        rows_total=1000,
        projected=Spent(1000, 100_000, 50_000, 2.0),
    )

    text = " ".join(" ".join(line.text for line in summary_lines(summary, 79, simulated=False)).split())

    assert "5 rows: 3 kept, 1 left out (length_filter 1), 1 rejected (ask: ParseError 1)" in text
    assert "5 requests, 500 + 250 tokens, cost 0.01" in text
    assert "all 1,000 rows: about 1,000 requests, 100,000 + 50,000 tokens, cost 2.00" in text
    summary.spent.cost = None
    assert "set prices" in "\n".join(line.text for line in summary_lines(summary, 79, simulated=True))


def test_summary_of_nothing():
    """Where no row is through nothing is said of the whole job."""
    nothing = Spent(0, 0, 0, None)
    summary = PreviewSummary(0, 0, {}, {}, nothing, 1000, nothing)

    assert "whole job" not in "".join(line.text for line in summary_lines(summary, 79, simulated=True))
