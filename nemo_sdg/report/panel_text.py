"""What the live panel says: a few lines for a title, a snapshot and its rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.formats import duration, number, rate, short
from nemo_sdg.report.limit_lines import held_back, limit_lines
from nemo_sdg.report.phrases import (
    BANNER,
    asked,
    cut_off,
    flow,
    outcome,
    rows_done,
    spread,
    stopping,
    trouble,
)
from nemo_sdg.report.spent import spent_so_far
from nemo_sdg.report.text import crop, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.report.numbers import RunTitle, Snapshot
    from nemo_sdg.report.rates import Rates

_LABEL = 10
"""Columns of what stands before each line."""
_BAR = 24
_LEAST_BAR = 8
_ETA = 20
_UNICODE_BAR, _PLAIN_BAR = ("█", "░"), ("#", ".")


def panel_lines(
    title: RunTitle, snapshot: Snapshot | None, rates: Rates, width: int, *, unicode: bool = True
) -> list[Text]:
    """Return the lines of the panel, none wider than `width` columns.

    There is no frame at the sides: text that runs from right to left, or that a terminal draws wider than it
    should be, has nothing to break. Nothing in a row is read as markup. `unicode` says whether the terminal
    can show block characters.
    """
    width = max(width, _LABEL + 10)
    line = "─" if unicode else "-"
    room = width - _LABEL - 1  # a column is left free: a cursor in the last one makes some terminals wrap
    lines = [Text(line * (width - 1), style="dim")]

    def say(label: str, text: str, style: str = "") -> None:
        lines.append(Text.assemble((f"{label:<{_LABEL}}", "dim"), (crop(text, room), style)))

    say("pipeline", f"{one_line(title.pipeline)} ({title.engine})", "bold")
    say("output", one_line(without_credentials(title.output)))
    say("model", asked(title.models, title.endpoints))
    if title.simulated:
        lines.append(Text(crop(BANNER if unicode else BANNER.replace("—", "-"), width - 1), "bold yellow"))
    if snapshot and snapshot.stopping:
        lines.append(Text(crop(stopping(snapshot.in_flight, snapshot.stop_within), width - 1), "bold yellow"))
    if snapshot is None:
        say("rows", f"{number(title.rows_total)} to do, starting")
    else:
        _say_rows(snapshot, rates, say, room, _UNICODE_BAR if unicode else _PLAIN_BAR)
        _say_state(title, snapshot, rates, say, room)
    lines.append(lines[0])
    return lines


def _say_rows(
    snapshot: Snapshot, rates: Rates, say: Callable[..., None], room: int, blocks: tuple[str, str]
) -> None:
    counts = snapshot.counts
    eta = rates.eta
    progress = rows_done(counts.rows_read, snapshot.rows_total)
    # As wide for the first row as for the last: a bar that shrinks while it fills would be hard to read.
    size = min(_BAR, room - len(rows_done(snapshot.rows_total, snapshot.rows_total)) - _ETA)
    if snapshot.rows_total and size >= _LEAST_BAR:
        progress = f"{_bar(counts.rows_read, snapshot.rows_total, size, blocks)} {progress}"
    say("rows", progress + (f", {duration(eta)} left" if eta is not None else ""), "bold")
    say("", outcome(counts))


def _say_state(
    title: RunTitle, snapshot: Snapshot, rates: Rates, say: Callable[..., None], room: int
) -> None:
    counts = snapshot.counts
    say(
        "requests",
        f"{rate(rates.requests_now)} now, {rate(rates.requests_mean)} mean; "
        f"{flow(snapshot.in_flight, snapshot.allowed)}",
    )
    say(
        "tokens",
        f"{rate(rates.tokens_now)} now, {rate(rates.tokens_mean)} mean; "
        f"{short(counts.prompt_tokens + counts.completion_tokens)} in all",
    )
    if spent := spent_so_far(title, snapshot):
        say("spent", spent)
    for position, line in enumerate(limit_lines(snapshot, room)):
        say("" if position else "limits", line.text, "yellow" if line.paused else "")
    if reasons := held_back(snapshot):
        say("held back", reasons)
    say("trouble", trouble(counts), "yellow" if counts.throttles or counts.failures else "")
    if cut := cut_off(counts):
        say("", cut, "yellow")
    say("latency", spread(snapshot.latency))
    alive = f"{number(snapshot.workers)} of {number(snapshot.workers_wanted)} alive"
    say("workers", f"{alive}; {duration(snapshot.elapsed)} since the command")
    say("newest", one_line(snapshot.newest or "", room))


def _bar(done: int, total: int, size: int, blocks: tuple[str, str]) -> str:
    full = min(size, size * done // total)
    return blocks[0] * full + blocks[1] * (size - full)
