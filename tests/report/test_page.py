from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.page import render_page


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
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
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
    assert {"script", "img"}.isdisjoint(tag for tag, _ in page.elements)
    assert page.text.count("<script>alert(1)</script>") >= 13


def test_it_needs_nothing_else(report):
    """The page loads nothing and runs nothing."""
    html = render_page(report())
    page = _Page(html)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.elements}
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.elements)
    assert not re.search(r"@import|url\(", html)


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


def test_rows_in_any_script(report):
    """Each value tells the browser to find its own direction of writing."""
    page = _Page(render_page(report(samples=[{"q": "ما هي عاصمة مصر؟"}])))
    values = [attributes for tag, attributes in page.elements if tag == "dd" and "long" in str(attributes)]
    assert values
    assert all(attributes["dir"] == "auto" for attributes in values)
    assert "ما هي عاصمة مصر؟" in page.text


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
    assert f"Why it {state}: no room To go on: run the same command again" in words


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
