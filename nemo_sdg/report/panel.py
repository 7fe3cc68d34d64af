"""A run as a live panel on a terminal."""

from __future__ import annotations

import atexit
import textwrap
from typing import TYPE_CHECKING, TextIO, cast

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.panel_text import panel_lines
from nemo_sdg.report.phrases import MARK
from nemo_sdg.report.rates import Rates
from nemo_sdg.report.stream import SteadyStream
from nemo_sdg.report.summary import write_summary
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport, RunTitle, Snapshot

REDRAW = 0.25
"""Least seconds of a run between two drawings."""


class _AtOnce(SteadyStream):
    """Has the terminal show what is drawn when it is whole, where the terminal can: nothing flickers."""

    def write(self, text: str, /) -> int:
        """Write `text` as one synchronized update; other terminals ignore its marks."""
        return super().write(f"\x1b[?2026h{text}\x1b[?2026l") if text else 0


class Panel:
    """Shows a run on the terminal behind `stream`, in place; at the end the summary takes its place.

    Whatever else is printed meanwhile appears above it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = Console(
            file=cast("TextIO", _AtOnce(stream)), force_terminal=True, highlight=False, markup=False
        )
        self._unicode = self._console.encoding.startswith("utf")
        self._rates = Rates()
        self._title: RunTitle | None = None
        self._snapshot: Snapshot | None = None
        self._live: Live | None = None
        self._drawn = float("-inf")

    def begin(self, title: RunTitle) -> None:
        """Draw what runs."""
        self._title = title
        # It draws when told to, in the caller's thread: no thread to leave behind, nothing drawn twice.
        self._live = Live(
            console=self._console, auto_refresh=False, transient=True, get_renderable=self._draw
        )
        self._live.start()
        self._live.refresh()
        atexit.register(self._close)  # a run that breaks off must not leave the terminal without a cursor

    def update(self, snapshot: Snapshot) -> None:
        """Draw the state, unless it was drawn just now; a stop that was asked for is drawn at once."""
        self._rates.add(snapshot)
        stop_is_news = snapshot.stopping and not (self._snapshot and self._snapshot.stopping)
        if not snapshot.newest and self._snapshot is not None:
            snapshot = msgspec.structs.replace(snapshot, newest=self._snapshot.newest)
        self._snapshot = snapshot
        if self._live and (stop_is_news or snapshot.elapsed - self._drawn >= REDRAW):
            self._drawn = snapshot.elapsed
            self._live.refresh()

    def note(self, text: str) -> None:
        """Print `text` above the panel."""
        mark = MARK if self._title and self._title.simulated else ""
        line = mark + one_line(without_credentials(text))
        # Between words: a path stays whole, to be copied.
        width = max(1, self._console.width - 1)
        lines = textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        self._console.print(Text("\n".join(lines)), soft_wrap=True)

    def end(self, report: RunReport) -> None:
        """Put the summary in the panel's place."""
        self._close()
        write_summary(report, self._stream)

    def _draw(self) -> Group:
        assert self._title is not None
        width, height = self._console.size
        lines = panel_lines(
            self._title, self._snapshot, self._rates, width, height - 1, unicode=self._unicode
        )
        for line in lines:
            line.no_wrap, line.overflow = True, "crop"
        return Group(*lines)

    def _close(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None
            atexit.unregister(self._close)
