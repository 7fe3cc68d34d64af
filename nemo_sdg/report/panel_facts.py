"""What a live view of a run says, as labelled rows: the panel and the notebook show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.facts import reasons
from nemo_sdg.report.formats import duration, number, plural, rate, share, short
from nemo_sdg.report.limit_lines import held_back, limit_lines
from nemo_sdg.report.phrases import BANNER, asked, cut_off, outcome, stopping, trouble
from nemo_sdg.report.rates import percentile
from nemo_sdg.report.spent import spent_so_far
from nemo_sdg.report.text import one_line

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import Counts, RunTitle, Snapshot
    from nemo_sdg.report.rates import Rates


class Row(NamedTuple):
    """One line of a live view."""

    label: str | None
    """"": it goes on with the one above; None: it has none, and takes the whole line."""
    text: str
    style: str = ""
    """"bold", "yellow" (to be seen at once) or both; "" for most."""
    rank: int = 0
    """Where there is no room for all rows, those of the highest rank go first."""
    part: tuple[int, int] | None = None
    """What is done, of how much: for a bar before the text."""


def panel_facts(title: RunTitle, snapshot: Snapshot | None, rates: Rates, room: int) -> list[Row]:
    """Return what is known of a run, in rows whose texts want about `room` columns.

    Numbers that change stand in columns of their own, so that nothing beside them jumps.
    """
    rows = [
        Row("pipeline", f"{one_line(title.pipeline)} ({title.engine})", "bold", rank=10),
        Row("output", one_line(without_credentials(title.output)), rank=11),
        Row("model", asked(title.models, title.endpoints), rank=12),
    ]
    if title.simulated:
        rows.append(Row(None, BANNER, "bold yellow"))
    if snapshot is None:
        return [*rows, Row("rows", f"{number(title.rows_total)} to do, starting", "bold")]
    if snapshot.stopping:
        rows.append(Row(None, stopping(snapshot.in_flight, snapshot.stop_within), "bold yellow"))
    return [*rows, *_rows(snapshot, rates), *_speed(title, snapshot, rates), *_state(snapshot, room)]


def _rows(snapshot: Snapshot, rates: Rates) -> list[Row]:
    counts, total = snapshot.counts, snapshot.rows_total
    done = "no rows"
    if total:
        done = f"{counts.rows_read:>{len(number(total))},} of {plural(total, 'row')}"
        done += f" ({share(counts.rows_read, total)})"
    left = "" if rates.eta is None else f", about {duration(rates.eta)} left"
    return [
        Row("rows", done, "bold", part=(counts.rows_read, total) if total else None),
        Row("time", f"{duration(snapshot.elapsed)} so far{left}", rank=1),
        Row("", outcome(counts), rank=3),
        *([Row("rejected", _rejected(counts), "yellow", rank=6)] if counts.rejected else []),
    ]


def _rejected(counts: Counts) -> str:
    found = reasons(counts.rejected)
    return ", ".join(f"{number(count)} {one_line(without_credentials(reason))}" for reason, count in found)


def _speed(title: RunTitle, snapshot: Snapshot, rates: Rates) -> list[Row]:
    counts = snapshot.counts
    tokens = counts.prompt_tokens + counts.completion_tokens
    spent = spent_so_far(title, snapshot, rates.cost_in_the_end)
    return [
        Row("requests", _paces(rates.requests_now, rates.requests_mean, number(counts.requests)), rank=2),
        Row("tokens", _paces(rates.tokens_now, rates.tokens_mean, short(tokens)), rank=5),
        *([Row("spent", spent, rank=3)] if spent else []),
    ]


def _paces(now: float | None, mean: float | None, whole: str) -> str:
    return f"{rate(now):>9} now {rate(mean):>9} mean {whole:>9} in all"


def _state(snapshot: Snapshot, room: int) -> list[Row]:
    counts = snapshot.counts
    rows = [
        Row(
            "" if position else "limits",
            line.text,
            "yellow" if line.paused else "",
            rank=9 if position else 5,
        )
        for position, line in enumerate(limit_lines(snapshot, room))
    ]
    if why := held_back(snapshot):
        rows.append(Row("held back", why, rank=8))
    wrong = counts.throttles or counts.failures
    rows.append(Row("trouble", trouble(counts), "yellow" if wrong else "", rank=4))
    if cut := cut_off(counts):
        rows.append(Row("", cut, "yellow", rank=6))
    spread = (f"p{percent} {duration(percentile(snapshot.latency, percent)):>6}" for percent in (50, 95, 99))
    flow = f"{snapshot.in_flight:>{len(number(snapshot.allowed))},} of {number(snapshot.allowed)} allowed"
    alive = f"{number(snapshot.workers)} of {plural(snapshot.workers_wanted, 'worker')} alive"
    return [
        *rows,
        Row("latency", "  ".join(spread), rank=7),
        Row("in flight", f"{flow}, {alive}", rank=2),
        Row("newest", one_line(snapshot.newest or "", room), rank=8),
    ]
