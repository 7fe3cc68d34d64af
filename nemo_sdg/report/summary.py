"""What a person reads when a run has ended: counts, three rows, the paths, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.redact import without_credentials
from nemo_sdg.report.advice import advice
from nemo_sdg.report.facts import heading, places, reasons, row_facts
from nemo_sdg.report.formats import duration, number, plural, rate, share
from nemo_sdg.report.limit_phrases import reasons_held_back
from nemo_sdg.report.limit_series import limit_series
from nemo_sdg.report.phrases import BANNER, MARK, asked, trouble
from nemo_sdg.report.spent import spent_lines
from nemo_sdg.report.stream import SteadyStream
from nemo_sdg.report.text import crop, display_width, one_line, value_line

if TYPE_CHECKING:
    from typing import TextIO

    from nemo_sdg.report.facts import Fact
    from nemo_sdg.report.numbers import Counts, RunReport

_PLAIN_WIDTH = 110
"""Columns of a line in a log."""
_LABEL = 16
_MOST_REASONS = 8
_MOST_FIELDS = 10
_SAMPLES = 3
_MOST_LIMITS = 8
_MOST_HELD_BACK = 4


class Section(NamedTuple):
    """A group of labels and values under a title."""

    title: str
    facts: list[Fact]
    whole: bool = False
    """The values are to be copied, so they are never cropped."""


def write_summary(report: RunReport, stream: TextIO | SteadyStream) -> None:
    """Write the summary of `report`: a table on a terminal, aligned text elsewhere."""
    steady = stream if isinstance(stream, SteadyStream) else SteadyStream(stream)
    if steady.isatty():
        from nemo_sdg.report.summary_table import print_table  # noqa: PLC0415 - rich is slow to import

        print_table(report, sections(report), steady)
    else:
        mark = MARK if report.simulated else ""
        steady.write("".join(f"{mark}{line}\n" for line in plain_lines(report)))
    steady.flush()


def plain_lines(report: RunReport, width: int = _PLAIN_WIDTH) -> list[str]:
    """Return the summary as aligned lines; all but messages and paths fit `width` columns."""
    lines = [one_line(f"{report.pipeline}: {heading(report)}")]
    lines += [BANNER] if report.simulated else []
    lines += [f"{label}: {text}" for label, text in advice(report)]
    for section in sections(report):
        lines.append(f"{section.title}:")
        for label, value in section.facts:
            room = max(1, width - _LABEL - 2)
            label_cell = crop(label, _LABEL - 1)
            padding = " " * (_LABEL - display_width(label_cell))
            lines.append(f"  {label_cell}{padding}{value if section.whole else crop(value, room)}".rstrip())
    return lines


def sections(report: RunReport) -> list[Section]:
    """Return all that the summary shows beside its heading."""
    found = [
        Section("rows", _rows(report)),
        Section("requests", _requests(report)),
        Section("this run", _this_run(report)),
        Section("limits", _limits(report)),
        Section("held back", _held_back(report)),
    ]
    found = [section for section in found if section.facts]
    for position, sample in enumerate(report.samples[:_SAMPLES], 1):
        fields = [(one_line(str(name)), value_line(value, 400)) for name, value in sample.items()]
        more = len(fields) - _MOST_FIELDS
        rest = [("", f"and {plural(more, 'more field')}")] if more > 0 else []
        found.append(Section(f"row {position}", fields[:_MOST_FIELDS] + rest))
    # Paths are copied: cropping would make them useless.
    paths = [(label, one_line(without_credentials(path))) for label, path in places(report)]
    return [*found, Section("files", paths, whole=True)]


def _rows(report: RunReport) -> list[Fact]:
    facts: list[Fact] = []
    parts = {"rejected": report.counts.rejected, "filtered": report.counts.filtered}
    for label, value in row_facts(report):
        facts.append((label, value))
        found = reasons(parts.get(label, {}))
        facts += [("", f"{number(count)}  {one_line(reason)}") for reason, count in found[:_MOST_REASONS]]
        if more := found[_MOST_REASONS:]:
            facts.append(("", f"{number(sum(count for _, count in more))}  of {len(more)} more kinds"))
    return facts


def _requests(report: RunReport) -> list[Fact]:
    counts = report.counts
    return [
        ("sent", f"{number(counts.requests)} in {plural(counts.attempts, 'attempt')}"),
        ("trouble", trouble(counts)),
        *([("answers reused", f"{number(counts.reused)}, not paid for again")] if counts.reused else []),
        ("tokens", _tokens(counts)),
        *spent_lines(report),
    ]


def _tokens(counts: Counts) -> str:
    reasoning = f" ({number(counts.reasoning_tokens)} of them reasoning)" if counts.reasoning_tokens else ""
    return f"{number(counts.prompt_tokens)} prompt, {number(counts.completion_tokens)} completion{reasoning}"


def _this_run(report: RunReport) -> list[Fact]:
    first = report.seconds_to_first_request
    latency = ", ".join(f"{name} {duration(seconds)}" for name, seconds in report.latency.items())
    return [
        ("model", asked(report.models, report.endpoints)),
        ("time", f"{duration(report.seconds)}, first request after {duration(first)}"),
        ("speed", f"{rate(report.requests_per_second)} requests"),
        ("latency", latency or "-"),
    ]


def _limits(report: RunReport) -> list[Fact]:
    """Return how much of each known limit was used; under the endpoint's name where there are several."""
    facts: list[Fact] = []
    series = [one for one in limit_series(report.limits) if one.known]
    endpoint = ""
    for one in series[:_MOST_LIMITS]:
        if one.endpoint != endpoint:
            endpoint = one.endpoint
            facts.append(("of", endpoint))
        facts.append((one_line(without_credentials(one.name)), one.words))
    more = len(series) - _MOST_LIMITS
    return [*facts, ("", f"and {plural(more, 'more limit')}")] if more > 0 else facts


def _held_back(report: RunReport) -> list[Fact]:
    """Return what kept workers from sending more, with the shares of that time."""
    found = reasons_held_back(report.held_back)
    facts = [(share(part, 1), reason) for reason, part in found[:_MOST_HELD_BACK]]
    if more := found[_MOST_HELD_BACK:]:
        facts.append((share(sum(part for _, part in more), 1), plural(len(more), "more reason")))
    return facts
