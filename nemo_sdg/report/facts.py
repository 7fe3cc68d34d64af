"""The numbers of a report as labels and values, for the summary and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.report.formats import duration, number, plural, rate, share
from nemo_sdg.report.phrases import cut_off_share

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport

Fact = tuple[str, str]


def heading(report: RunReport) -> str:
    """Return in one line how the run ended."""
    after = f" {'in' if report.state == 'finished' else 'after'} {duration(report.seconds)}"
    written, total = report.counts.rows_written, plural(report.rows_total, "row")
    if report.counts.added > report.counts.joined:
        made = f"{plural(written, 'row')} in the dataset, made of {total}"
    else:
        made = f"{number(written)} of {total} in the dataset"
    return f"{report.state}{after if report.seconds else ''}: {made}"


def row_facts(report: RunReport) -> list[Fact]:
    """Return what became of the rows."""
    counts, total = report.counts, report.rows_total
    done = _part(counts.rows_read, total)
    total += counts.added - counts.joined  # segments of documents, say, of which each may be rejected
    return [
        ("rows done", done),
        ("written", _part(counts.rows_written, total)),
        ("rejected", _part(counts.rows_rejected, total)),
        ("filtered", _part(counts.rows_filtered, total)),
    ]


def request_facts(report: RunReport) -> list[Fact]:
    """Return what was asked, and what it took."""
    counts = report.counts
    return [
        ("requests", number(counts.requests)),
        ("attempts", number(counts.attempts)),
        ("throttles", number(counts.throttles)),
        ("retries", number(counts.retries)),
        *([("hedged", number(counts.hedged))] if counts.hedged else []),
        ("failed requests", number(counts.failures)),
        *(
            [("cut off at max_tokens", f"{number(counts.truncated)} ({cut_off_share(counts)})")]
            if counts.truncated
            else []
        ),
        *([("answers reused, not paid for again", number(counts.reused))] if counts.reused else []),
        ("prompt tokens", number(counts.prompt_tokens)),
        ("completion tokens", number(counts.completion_tokens)),
        *([("of which reasoning", number(counts.reasoning_tokens))] if counts.reasoning_tokens else []),
    ]


def time_facts(report: RunReport) -> list[Fact]:
    """Return how long this run took and how fast it went."""
    return [
        ("time", duration(report.seconds or None)),
        ("to first request", duration(report.seconds_to_first_request)),
        ("requests", rate(report.requests_per_second)),
        *((f"latency {name}", duration(seconds)) for name, seconds in report.latency.items()),
    ]


def reasons(numbers: dict[str, int]) -> list[tuple[str, int]]:
    """Return the reasons of rejected or filtered rows, the most frequent first."""
    return sorted(numbers.items(), key=lambda item: (-item[1], item[0]))


def places(report: RunReport) -> list[Fact]:
    """Return where the files are."""
    folder = report.output.rstrip("/")
    rejected = [("rejected rows", f"{folder}/rejected/")] if report.counts.rows_rejected else []
    return [
        ("dataset", f"{folder}/"),
        *rejected,
        ("report page", f"{folder}/report.html"),
        ("report as data", f"{folder}/report.json"),
    ]


def _part(rows: int, total: int) -> str:
    return f"{number(rows)} ({share(rows, total)})" if total and rows else number(rows)
