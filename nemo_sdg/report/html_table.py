"""Labels and values as a small HTML table, which looks right in light and dark notebooks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nemo_sdg.report.advice import advice
from nemo_sdg.report.facts import heading
from nemo_sdg.report.phrases import BANNER
from nemo_sdg.report.summary import sections
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemo_sdg.report.numbers import RunReport

_CELL = "text-align: left; vertical-align: top; padding: 1px 12px 1px 0; background: none; border: none"
_VALUE = f"{_CELL}; font-family: monospace; white-space: pre-wrap"


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of `rows`: a label, which is text, and a value, which is HTML."""
    cells = (
        f'<tr><td style="{_CELL}; opacity: 0.7">{escape(label)}</td>'
        f'<td style="{_VALUE}" dir="auto">{value}</td></tr>'
        for label, value in rows
    )
    return f'<table style="border: none">{"".join(cells)}</table>'


def report_table(report: RunReport) -> str:
    """Return the summary of `report`, as a terminal shows it at the end of a run."""
    parts = [f"<b>{escape(one_line(f'{report.pipeline}: {heading(report)}'))}</b>"]
    parts += [f"<div><b>{escape(BANNER)}</b></div>"] if report.simulated else []
    parts += [f"<div>{escape(f'{label}: {text}')}</div>" for label, text in advice(report)]
    rows: list[tuple[str, str]] = []
    for section in sections(report):
        rows.append(("", f"<b>{escape(section.title)}</b>"))
        rows += [(label, escape(value)) for label, value in section.facts]
    return "".join(parts) + table(rows)
