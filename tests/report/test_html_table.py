from __future__ import annotations

from nemo_sdg.report.html_table import table


def test_labels_are_text_and_values_html():
    """A label is escaped; a value is what the caller made of it, and finds its own direction of writing."""
    html = table([("<a>", "<b>x</b>")])
    assert "&lt;a&gt;" in html
    assert 'dir="auto"><b>x</b></td>' in html


def test_the_report_shows_itself(report):
    """A notebook shows a returned report as the summary: outcome, reasons, rows and paths."""
    html = report(simulated=True)._repr_html_()
    for text in ("finished in 3 min 20 s", "parse: ParseError", "How?", "out/qa/report.html", "SIMULATED"):
        assert text in html
