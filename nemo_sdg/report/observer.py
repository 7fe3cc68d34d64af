"""Who is told about a run while it goes on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal, Protocol

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.stream import SteadyStream, is_terminal
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from typing import TextIO

    from nemo_sdg.report.numbers import RunReport, RunTitle, Snapshot


LogFormat = Literal["text", "json"]


class Observer(Protocol):
    """Is told what happens to a run; shows it to a person, or not."""

    def begin(self, title: RunTitle) -> None:
        """Take in what run this is; called once, before the first snapshot."""

    def update(self, snapshot: Snapshot) -> None:
        """Take in the state of the run; called as often as there is news, at least each second."""

    def note(self, text: str) -> None:
        """Take in one line of news."""

    def end(self, report: RunReport) -> None:
        """Take in how the run ended; called once, however it ended."""


class Quiet:
    """Shows nothing but the reason of a failure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = SteadyStream(stream)

    def begin(self, title: RunTitle) -> None:
        """Show nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def end(self, report: RunReport) -> None:
        """Show why the run failed, if it did."""
        if report.state == "failed":
            mark = "[simulated] " if report.simulated else ""
            self._stream.write(f"{mark}failed: {one_line(without_credentials(report.message))}\n")
            self._stream.flush()


def in_notebook() -> bool:
    """Say whether this process is the kernel of a notebook."""
    # Whoever is one has imported IPython; others need not.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and getattr(get_ipython(), "kernel", None) is not None


def observer_for(stream: TextIO, *, quiet: bool = False, log_format: LogFormat | None = None) -> Observer:
    """Return who shows a run: in a notebook its cell does, on a terminal a panel, elsewhere log lines do.

    `quiet` shows nothing but failures; `log_format` writes lines of that format wherever it is.
    """
    if quiet:
        return Quiet(stream)
    if log_format == "json":
        from nemo_sdg.report.log_json import JsonLines  # noqa: PLC0415 - only when asked for

        return JsonLines(stream)
    if log_format is None and in_notebook():
        from nemo_sdg.report.notebook import Notebook, display_html  # noqa: PLC0415 - only in notebooks

        return Notebook(display_html())
    if (
        log_format is None
        and is_terminal(stream)
        and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
    ):
        from nemo_sdg.report.panel import Panel  # noqa: PLC0415 - rich is slow to import

        return Panel(stream)
    from nemo_sdg.report.log_lines import LogLines  # noqa: PLC0415

    return LogLines(stream)
