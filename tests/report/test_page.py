from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from nemo_sdg.report.analysis import analysis_of
from nemo_sdg.report.numbers import Counts, UseAt
from nemo_sdg.report.page import render_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class _Page(HTMLParser):
    """Collects the elements and the text of a page, and checks that elements are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text, self._open = "", []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += f"{data}\n"


def _words(html: str) -> str:
    return " ".join(_Page(html).text.split())


def test_everything_is_text(report):
    """Markup in rows, names, reasons, settings and messages is shown, never obeyed."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'</style>"
    made = report(
        pipeline=evil,
        state="failed",
        message=evil,
        output=evil,
        models=[evil],
        endpoints=[evil],
        counts=Counts(rejected={evil: 1}, filtered={evil: 1}),
        settings=[{"name": evil, evil: evil}],
        samples=[{evil: evil, "deep": [{evil: evil}]}],
    )
    page = _Page(render_page(made))
    assert "img" not in {tag for tag, _ in page.elements}
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert page.text.count("<script>alert(1)</script>") >= 13


def test_it_needs_nothing_else(report):
    """The page loads nothing, leads nowhere, and runs only its own script, known by its digest."""
    html = render_page(report())
    page = _Page(html)
    assert not {"link", "img", "iframe"} & {tag for tag, _ in page.elements}
    assert not any("src" in attributes for _, attributes in page.elements)
    links = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    places = {attributes.get("id") for _, attributes in page.elements}
    assert links
    assert {link[1:] for link in links} <= places
    assert not re.search(r"@import|url\(", html)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'\"" in html


def test_light_dark_print_and_phone(report):
    """The page is styled for dark screens, paper and narrow screens."""
    html = render_page(report())
    for needed in ("prefers-color-scheme: dark", "@media print", "max-width: 34rem", 'name="viewport"'):
        assert needed in html


def test_what_it_says(report):
    """The page says what ran, with which settings, what came of it, and how long it took."""
    words = _words(render_page(report()))
    for expected in (
        "finished in 3 min 20 s: 980 of 1,000 rows in the dataset",
        "prompt tokens 812,000",
        "completion tokens 1,234,567",
        "parse: ParseError 10 generate: ContextLengthError 5",
        "language 5",
        "1.9 s latency p95",
        "question How? answer So.",
        "1. generate step some.module:Generate temperature 0.7",
        "endpoint https://host.example/v1",
        "out/qa/report.json",
    ):
        assert expected in words
    assert "hunter2" not in words
    assert "SIMULATED" not in words
    assert "To go on" not in words
    assert "spent" not in words
    assert "cut off" not in words


def test_rows_in_any_script(report):
    """Each value tells the browser to find its own direction of writing."""
    text = "ما هي عاصمة مصر؟ " * 100
    page = _Page(render_page(report(samples=[{"q": text}])))
    values = [attributes for _, attributes in page.elements if attributes.get("class") in ("long", "preview")]
    assert values
    assert all(attributes["dir"] == "auto" for attributes in values)
    assert text in page.text


def test_simulated_is_said(report):
    """A page of made-up rows says so in its title, in a banner and beside the rows."""
    html = render_page(report(simulated=True))
    assert "(simulated endpoint)</title>" in html
    words = _words(html)
    assert "SIMULATED ENDPOINT — rows are made up, no model is asked" in words
    assert "Made up by the simulated endpoint." in words


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_how_to_go_on(report, state):
    """A run that ended early says why, and how to go on."""
    words = _words(render_page(report(state=state, message="no room")))
    first = "mend that, then " if state == "failed" else ""
    assert f"Why it {state}: no room To go on: {first}run the same command again" in words


def test_a_run_that_never_asked(report):
    """A run without rows, requests and samples has a page too."""
    empty = report(
        state="failed",
        counts=Counts(),
        rows_total=0,
        seconds_to_first_request=None,
        requests_per_second=None,
        latency={},
        samples=[],
        settings=[],
        models=[],
        endpoints=[],
    )
    assert "The dataset has no rows." in _words(render_page(empty))


def test_books_are_cut(report):
    """A field of a megabyte does not make a page of one, and the page says what was cut."""
    html = render_page(report(samples=[{"book": "word " * 200_000}]))
    assert len(html) < 40_000
    assert "(1,000,000 characters in all)" in html


def test_limits_are_shown(report, moments):
    """Each limit has a chart, told in words for those who do not see it, and numbers of some moments."""
    html = render_page(report(limits=moments((100.0, 0.0), (100.0, 90.0), (50.0, 30.0))))
    words, page = _words(html), _Page(html)
    assert (
        "Limits used allowed over the time since the command requests per minute mean 80 % of 50 to" in words
    )
    assert "In numbers time used allowed 0 s 0 100 1.0 s 90 100 2.0 s 30 50" in words
    (drawing,) = (attributes for tag, attributes in page.elements if tag == "svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == "requests per minute: mean 80 % of 50 to 100/min, configured"
    paths = {attributes.get("class"): attributes["d"] for tag, attributes in page.elements if tag == "path"}
    assert paths["used"]
    assert paths["allowed"]
    assert "What held the job back" not in words


def test_what_held_the_job_back_is_shown(report):
    """Reasons have bars as long as their shares, without charts too."""
    html = render_page(report(held_back={"requests per minute": 600.0, "no rows at hand": 200.0}))
    words = _words(html)
    assert "What held the job back Shares of the time" in words
    assert (
        "requests per minute 75 % 10 min 0 s of workers\u2019 time no rows at hand 25 % 3 min 20 s" in words
    )
    assert html.count("width:75.0%") == 1
    assert "<svg" not in html


def test_no_limits_no_section(report, moments):
    """Without anything known, used or held back the page says nothing of limits."""
    bare = report(limits=moments((None, 0.0), None), held_back={"x": 0.0})
    assert render_page(bare) == render_page(report())
    assert "Limits" not in _words(render_page(bare))


def test_limits_are_text(report, use):
    """Markup in names of limits, models, endpoints, sources and reasons is shown, never obeyed."""
    evil = "<script>alert(1)</script>\"'><svg onload=alert(2)>"
    both = [use((evil, 5.0, 1.0, evil), endpoint=evil, model=evil), use((evil, 5.0, 1.0, evil), model=evil)]
    page = _Page(render_page(report(limits=[UseAt(1.0, both)], held_back={evil: 1.0})))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert [tag for tag, _ in page.elements].count("svg") == 2
    assert not any("onload" in attributes for _, attributes in page.elements)
    assert page.text.count("<script>alert(1)</script>") >= 6


def test_limits_of_the_simulated_endpoint_are_said_to_be(report, moments):
    """Charts of the simulated endpoint say that they are."""
    made = moments((100.0, 50.0))
    assert "Of the simulated endpoint." in _words(render_page(report(limits=made, simulated=True)))
    assert "Of the simulated endpoint." not in _words(render_page(report(limits=made)))


def test_many_limits_make_no_huge_page(report, use):
    """A run with dozens of limits has a page that opens, which says what it left out."""
    many = [UseAt(t, [use(model=f"m{n}") for n in range(30)]) for t in map(float, range(240))]
    html = render_page(report(limits=many))
    assert html.count("<svg") == 12
    assert len(html) < 200_000
    assert "78 more limits, of which less was used: see report.json." in _words(html)


def test_money_is_a_figure(report):
    """The page says what was spent and for how much a thousand rows were made, and if it was simulated."""
    words = _words(render_page(report(cost=4.9, max_cost=20.0)))
    assert "4.90 spent of 20.00 5.00 spent per 1,000 rows written" in words
    words = _words(render_page(report(cost=4.9, simulated=True)))
    assert "4.90 spent (simulated endpoint: what it would have cost)" in words


def test_what_to_ask_again(report):
    """The page of a finished run says what may be asked again and how."""
    counts = Counts(rejected={"x": 2}, requests=400, truncated=12)
    words = _words(render_page(report(counts=counts)))
    assert (
        "12 answers cut off at max_tokens (3 %): raise generation.max_tokens and run again with "
        "--retry truncated. 2 rejected rows in rejected/: run again with --retry rejected to ask those again."
    ) in words
    assert "cut off at max_tokens 12 (3 %)" in words


def test_a_run_that_needs_nothing_has_no_notice(report):
    """Without advice there is no empty box."""
    assert 'class="notice' not in render_page(report(counts=Counts(requests=5)))


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to run the page's script in")
def test_rows_can_be_searched(report, tmp_path):
    """A browser shows ten rows at a time and those with a word that is looked for; evil rows run nothing."""
    evil = "</script><script>document.title = 'evil'</script><img src=x onerror=\"document.title='evil'\">"
    rows = [{"row_id": n, "text": f"number {n} {'قاهرة' if n % 9 == 0 else evil} " * 40} for n in range(40)]
    page = tmp_path / "report.html"
    page.write_text(render_page(report(), analysis_of(rows)), "utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}/user",
        "--dump-dom",
    ]
    seen = {}
    for place in ("", "#find=%D9%82%D8%A7%D9%87%D8%B1%D8%A9", "#find=nowhere"):
        done = subprocess.run(
            [CHROMIUM, *options, f"{page.as_uri()}{place}"], capture_output=True, timeout=120, check=True
        )
        html = done.stdout.decode()
        assert "<title>evil" not in html
        shown = re.findall(r'<section class="card row">\s*<h3>(Row \d+)', html)
        seen[place] = (len(shown), shown[:2], re.search(r"<output[^>]*>(.*?)</output>", html)[1])
    assert list(seen.values()) == [
        (10, ["Row 0", "Row 1"], "1 to 10 of 40"),
        (5, ["Row 0", "Row 9"], "1 to 5 of 5 found"),
        (0, [], "nothing found"),
    ]
