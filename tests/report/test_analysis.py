from __future__ import annotations

import pytest

from nemo_sdg.report.analysis import Analysis, InputFile, analysis_of
from nemo_sdg.report.languages import Found, languages
from nemo_sdg.report.numbers import Counts, Origin
from nemo_sdg.report.page import render_page
from nemo_sdg.report.rejected import rejected_groups

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</style>"
ODD = {
    "nothing": [],
    "no text": [{"row_id": 1, "n": 5}],
    "other types": [{"text": 5}, {"text": None}, {"text": b"\xff"}, {"text": ["a", 1]}, {"text": {"a": "b"}}],
    "lists": [{"text": ["some longer text " * 3] * 4, "finish_reason": ["stop", "length"]}] * 3,
    "nulls": [dict.fromkeys(("text", "finish_reason", "completion_tokens", "language"))] * 3,
    "numbers as they should not be": [{"completion_tokens": value} for value in (-1, 2.5, True, 2**80, "7")],
    "names": [{"": "x" * 50, EVIL: EVIL, "a\0\ud800": EVIL}],
    "different rows": [{"a": "x" * 99}, {}, {"b": 3}],
}


def test_what_is_told_from_rows():
    """Lengths, tokens and why answers ended are told by column, from whatever columns there are."""
    rows = [
        {"text": "x" * 40, "judge_completion_tokens": 7, "judge_finish_reason": "stop"},
        {"text": "x" * 40, "judge_completion_tokens": 9, "judge_finish_reason": ["stop", "length"]},
    ]
    found = analysis_of(rows)
    assert (found.seen, found.lengths, found.tokens) == (
        2,
        {"text": [40, 40]},
        {"judge_completion_tokens": [7, 9]},
    )
    assert found.finished == {"judge_finish_reason": [("stop", 2), ("length", 1)]}
    assert found.duplicates.exact == 1


@pytest.mark.parametrize("rows", ODD.values(), ids=ODD)
def test_any_rows_have_a_page(report, rows):
    """Whatever rows a pipeline makes, they have an analysis and a page, in which nothing is markup."""
    html = render_page(report(), analysis_of(rows))
    assert "<img" not in html
    assert html.count("<script>") == 1
    html.encode()


def test_all_is_on_the_page(report):
    """The page has each section, says what is a sample, and how to make the run again."""
    rows = [{"row_id": n, "text": f"a text {n} {EVIL} " * 20, "completion_tokens": n} for n in range(30)]
    analysis = analysis_of(rows)
    analysis.rows = 1000
    analysis.notes = [f"note {EVIL}"]
    analysis.inputs = [InputFile(f"in {EVIL}", "abc123", 5)]
    analysis.languages = languages("text", [Found(f"G{EVIL}", f"E{EVIL}", right=False)])
    counts = Counts(rows_written=1000, rejected={f"s: {EVIL}": 1}, latencies={"0.5": 3, "1": 4})
    rejection = {"stage": "s", "error": EVIL, "message": EVIL, "answer": EVIL, "row": {EVIL: EVIL}}
    analysis.rejected, _ = rejected_groups(counts.rejected, [rejection])
    origin = Origin(f"nemo-sdg run {EVIL}", {"prompt": EVIL, "languages": ["日本語"]})
    settings = [{"step": "a:B", "seed": 7}, {"step": "c:D", "generation_config": {"seed": 8}}]
    html = render_page(report(counts=counts, origin=origin, settings=settings), analysis)
    for section in ("spread", "texts", "languages", "duplicates", "rejected", "sample-rows", "again"):
        assert f'<h2 id="{section}">' in html
    assert "Tokens are those of a sample of 30 of the 1,000 rows" in html
    assert "a sample of 1,000: the whole dataset has more" in html
    assert "30 rows of 1,000" in html
    assert "- 日本語" in html
    assert 'seed</dt><dd>7 <span class="quiet">of <bdi>B</bdi>' in html
    assert 'seed</dt><dd>8 <span class="quiet">of <bdi>D</bdi>' in html
    assert "5 bytes, digest abc123" in html
    assert "<img" not in html
    assert html.count("<script>") == 1
    assert len(html) < 3_000_000


def test_a_huge_config_is_cut(report):
    """Of a config of megabytes the beginning is shown, and how long it is."""
    origin = Origin("nemo-sdg run x.yaml", {"examples": ["x" * 100] * 50_000})
    html = render_page(report(origin=origin))
    assert "characters in all)" in html
    assert len(html) < 100_000


def test_a_run_started_in_python(report):
    """Without a command the page says that the run was started in Python."""
    assert "in Python; the settings of each step are below" in render_page(report(), Analysis())
