"""A plan in words: facts under titles, the table of workers, what is assumed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.planner.bounds import ROWS, WORKERS
from nemo_sdg.planner.scaling import MOST_WORKERS
from nemo_sdg.report.formats import duration, number, plural, rate, share, short
from nemo_sdg.report.text import crop, display_width, one_line

if TYPE_CHECKING:
    from nemo_sdg.planner.job_plan import JobPlan
    from nemo_sdg.planner.scaling import Scaled

COLUMNS = (
    ("", "workers"),
    ("requests", "/s"),
    ("of the", "limit"),
    ("in", "flight"),
    ("time for", "all rows"),
    ("throt-", "tled"),
    ("messages", "/s"),
)
"""Headings of the table, in two lines."""
WIDTHS = (7, 8, 6, 6, 11, 6, 8)
_LABEL = 11
_LEAST_MONEY = 0.005


class Fact(NamedTuple):
    """A label and what is said of it."""

    label: str
    text: str


def heading(plan: JobPlan) -> str:
    """Return what a plan is of, in one line."""
    sent = f"after {plural(plan.measured, 'answer')}" if plan.measured else "nothing was sent"
    return f"{one_line(plan.pipeline)}: plan for {plural(plan.rows, 'row')} ({sent})"


def facts(plan: JobPlan) -> list[Fact]:
    """Return what is asked, what it costs, how long it takes and what it waits for."""
    found = []
    for stage in plan.stages:
        where = f" at {one_line(stage.endpoint)}" if stage.endpoint else ""
        found.append(Fact("asks", f"{stage.stage}: {one_line(stage.model)}{where}"))
        found.append(
            Fact(
                "",
                f"{plural(stage.requests, 'request')} of {stage.prompt_tokens:,.0f} prompt and "
                f"{stage.completion_tokens:,.0f} completion tokens each",
            )
        )
    tokens = f"{short(plan.prompt_tokens)} prompt, {short(plan.completion_tokens)} completion"
    found.append(Fact("tokens", tokens))
    found.append(Fact("cost", _cost(plan)))
    expected = plan.expected
    who = f"{plural(plan.workers, 'worker')}{' (engine local)' if plan.engine == 'local' else ''}"
    found.append(Fact("time", f"{about(expected)}{duration(expected.seconds)} with {who}"))
    found.append(Fact("bound by", _bound(plan)))
    found.append(Fact("useful", _useful(plan)))
    return found


def cells(row: Scaled) -> list[str]:
    """Return the cells of one line of the table."""
    return [
        number(row.workers),
        about(row) + rate(row.requests_per_second).removesuffix("/s"),
        "-" if row.of_limit is None else f"{100 * row.of_limit:.0f} %",
        short(row.in_flight) if row.in_flight >= 10 else f"{row.in_flight:.1f}",  # noqa: PLR2004
        about(row) + duration(row.seconds),
        share(row.throttled, 1),
        short(row.messages_per_second),
    ]


def ending(plan: JobPlan) -> str | None:
    """Return how the table goes on when it goes on as it was; None when it is complete."""
    start = plan.scaling.same_from
    return None if start is None else f"{number(start)} to {number(MOST_WORKERS)}: the same"


def notes(plan: JobPlan) -> list[str]:
    """Return what is to be known of the table."""
    if all(row.simulated for row in plan.scaling.rows):
        return []
    return ["~ scaled up from fewer workers: too many requests in flight to simulate"]


def about(row: Scaled) -> str:
    """Return a mark for figures that were not simulated."""
    return "" if row.simulated else "~"


def plain_lines(plan: JobPlan, width: int) -> list[str]:
    """Return the plan as lines of at most `width` columns."""
    lines = [crop(heading(plan), width), ""]
    for label, text in facts(plan):
        lines += wrapped(label, text, width)
    lines.append("")
    for line in _table(plan):
        lines.append(" ".join(cell.rjust(wide) for cell, wide in zip(line, WIDTHS, strict=True)))
    end = ending(plan)
    lines += [end] if end else []
    lines += [line for note in notes(plan) for line in textwrap.wrap(note, width)]
    lines += ["", "assumed:"]
    for assumption in plan.assumptions:
        lines += textwrap.wrap(assumption, width, initial_indent="- ", subsequent_indent="  ")
    return [line.rstrip() for line in lines]


def wrapped(label: str, text: str, width: int) -> list[str]:
    """Return a fact as lines: the label, and the text beside it."""
    first, *others = textwrap.wrap(text, max(20, width - _LABEL)) or [""]
    padding = " " * (_LABEL - display_width(label))
    return [label + padding + first, *(" " * _LABEL + line for line in others)]


def _table(plan: JobPlan) -> list[list[str]]:
    heads = [[column[line] for column in COLUMNS] for line in (0, 1)]
    return [*heads, *(cells(row) for row in plan.scaling.rows)]


def _cost(plan: JobPlan) -> str:
    if plan.cost is None:
        return "not known; set prices: {prompt: .., completion: ..}, in money per million tokens"
    return f"{plan.cost:,.2f}" if plan.cost >= _LEAST_MONEY or not plan.cost else f"{plan.cost:.2g}"


def _bound(plan: JobPlan) -> str:
    name, limit = plan.bound.name, plan.limit
    text = f"{name}: {rate(plan.bound.requests_per_second)} at most"
    if name == WORKERS and limit is None:
        return f"{text}; no limit of the endpoint is known"
    if name in (WORKERS, ROWS) and limit is not None:
        return f"{text}; then by {limit.name}: {rate(limit.requests_per_second)}"
    return text


def _useful(plan: JobPlan) -> str:
    useful, limit = plan.useful_workers, plan.limit
    text = f"{plural(useful, 'worker')} at most"
    if limit is None:
        return f"{text}: with more the rows are done no sooner"
    return f"{text}, by Little's law; more wait for {limit.name}"
