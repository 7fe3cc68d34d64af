"""A run in a Jupyter notebook: one output of the cell, which changes while the run goes on."""

from __future__ import annotations

import importlib
from html import escape
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.advice import advice
from nemo_sdg.report.facts import heading
from nemo_sdg.report.html_table import table
from nemo_sdg.report.panel_facts import panel_facts
from nemo_sdg.report.phrases import BANNER
from nemo_sdg.report.rates import Rates
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.report.numbers import RunReport, RunTitle, Snapshot
    from nemo_sdg.report.panel_facts import Row

REDRAW = 0.5
"""Least seconds of a run between two drawings: each is sent to a browser, and kept in the notebook's file."""
_ROOM = 100
_MOST_NOTES = 20


def display_html() -> Callable[[str], None]:
    """Return what shows HTML in the running cell: each call takes the place of the one before."""
    display: Any = importlib.import_module("IPython.display")  # it is there, for this is a notebook
    handle = display.display(display.HTML(""), display_id=True)
    return lambda html: handle.update(display.HTML(html))


class Notebook:
    """Shows a run in the running cell; at the end its outcome takes the place of the progress.

    `show` gets the whole of the output as HTML, each time anew.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._rates = Rates()
        self._title: RunTitle | None = None
        self._snapshot: Snapshot | None = None
        self._notes: list[str] = []
        self._drawn = float("-inf")
        self._ended = False

    def begin(self, title: RunTitle) -> None:
        """Show what runs."""
        self._title = title
        self._draw()

    def update(self, snapshot: Snapshot) -> None:
        """Show the state, unless it was shown just now; a stop that was asked for is shown at once."""
        self._rates.add(snapshot)
        stop_is_news = snapshot.stopping and not (self._snapshot and self._snapshot.stopping)
        if not snapshot.newest and self._snapshot is not None:
            snapshot = msgspec.structs.replace(snapshot, newest=self._snapshot.newest)
        self._snapshot = snapshot
        if stop_is_news or snapshot.elapsed - self._drawn >= REDRAW:
            self._drawn = snapshot.elapsed
            self._draw()

    def note(self, text: str) -> None:
        """Show `text` above the state; of many, the last ones."""
        self._notes = [*self._notes, one_line(without_credentials(text))][-_MOST_NOTES:]
        self._draw()

    def end(self, report: RunReport) -> None:
        """Show how the run ended; the returned report shows the rest."""
        rows = [("", f"<b>{escape(one_line(f'{report.pipeline}: {heading(report)}'))}</b>")]
        rows += [("", f"<b>{escape(BANNER)}</b>")] if report.simulated else []
        rows += [(label, escape(text)) for label, text in advice(report)]
        rows.append(("dataset", escape(one_line(without_credentials(report.output)))))
        self._ended = True
        self._show(self._with_notes(table(rows)))

    def _draw(self) -> None:
        if self._ended:
            return
        state = ""
        if self._title is not None:
            rows = panel_facts(self._title, self._snapshot, self._rates, _ROOM)
            state = table([(row.label or "", _cell(row)) for row in rows])
        self._show(self._with_notes(state))

    def _with_notes(self, html: str) -> str:
        return "".join(f"<div>{escape(note)}</div>" for note in self._notes) + html


def _cell(row: Row) -> str:
    text = escape(row.text)
    if row.part is not None:
        done, total = row.part
        text = f'<progress value="{done}" max="{total}"></progress> {text}'
    return f"<b>{text}</b>" if row.style else text
