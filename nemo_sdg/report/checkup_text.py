"""What was found of a job, in lines for a person."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from nemo_sdg.report.formats import duration, number, plural
from nemo_sdg.report.text import crop, display_width, one_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.report.checkup import Checkup, EndpointFound, StepFound

_LABEL = 10
_NUMBER = 3
_NAME = 24  # columns for the name of a step, at most


def checkup_lines(found: Checkup, width: int) -> Iterator[str]:
    """Yield the lines, none wider than `width` columns: the steps as a table, then all else by its label."""
    yield crop(f"{one_line(found.pipeline)}: {plural(len(found.steps), 'step')}", width)
    yield from _table(found.steps, width)
    yield from _said("input", plural(found.rows, "row"), width)
    holds = f": holds {found.output_holds}; a run goes on there" if found.output_holds else ": can be written"
    output = found.output_problem or f"{found.output}{holds}"
    yield from _said("OUTPUT" if found.output_problem else "output", output, width)
    for endpoint in found.endpoints:
        yield from _endpoint(endpoint, width, asked=found.asked, simulated=found.simulated)
    if not found.endpoints:
        yield from _said("endpoint", "no stage asks a model", width)
    yield from _said("result", _result(found), width)


def _result(found: Checkup) -> str:
    if found.output_problem:
        return "the output cannot be used"
    wrong = sum(bool(endpoint.problem) for endpoint in found.endpoints)
    if wrong:
        return f"{wrong} of {plural(len(found.endpoints), 'endpoint')} cannot be used: see above what to do"
    if not found.asked:
        return "the config is fine; no endpoint was asked"
    return "all is well; see a few rows next: nemo-sdg preview"


def _endpoint(found: EndpointFound, width: int, *, asked: bool, simulated: bool) -> Iterator[str]:
    place = f" at {found.endpoint}" if found.endpoint else ""
    made_up = " (the simulated endpoint: base_url is not set, so answers are made up)" if simulated else ""
    by = ", ".join(dict.fromkeys(found.stages))
    label = "ENDPOINT" if found.problem else "endpoint"
    yield from _said(label, f"{found.model}{place}{made_up}, asked by {by}", width)
    if not asked:
        return
    if found.problem:
        yield from _said("", found.problem, width)
    listed = {True: "yes", False: "no", None: "the endpoint does not say"}[found.listed]
    variable = f" ({found.api_key_env})" if found.api_key_env else ""
    facts = [f"key {found.key}{variable}", f"model listed: {listed}"]
    if found.answered:
        facts.insert(0, f"answered in {duration(found.latency)}, {plural(found.tokens, 'token')}")
        if found.answered_by and found.answered_by != found.model:
            facts.append(f"answered by {one_line(found.answered_by)}")
    yield from _said("", "; ".join(facts), width)
    if found.answered:
        limits = ", ".join(
            f"{kind.replace('_', ' ')} {number(round(limit))}" for kind, limit in found.limits.items()
        )
        yield from _said("", f"limits in its headers: {limits or 'none'}", width)
    if found.note:
        yield from _said("", found.note, width)


def _said(label: str, text: str, width: int) -> Iterator[str]:
    for position, line in enumerate(wrapped(text, width - _LABEL)):
        yield f"{'' if position else label:<{_LABEL}}{line}"


def _table(steps: list[StepFound], width: int) -> Iterator[str]:
    """Yield a table of `steps`: name, columns that it needs, columns that it adds."""
    name = min(_NAME, max(display_width(step.name) for step in steps)) + 1
    rest = width - _NUMBER - name
    widths = (name, rest // 2, rest - rest // 2)
    yield " " * _NUMBER + _cells(("stage", "needs", "adds"), widths)
    for position, step in enumerate(steps, 1):
        adds = "not known before it runs" if step.adds is None else ", ".join(step.adds)
        cells = (step.name, ", ".join(step.needs), adds)
        columns = [list(wrapped(text, size - 1)) for text, size in zip(cells, widths, strict=True)]
        for line, texts in enumerate(zip_longest(*columns, fillvalue="")):
            yield f"{'' if line else position:>{_NUMBER - 1}} {_cells(texts, widths)}"


def _cells(texts: tuple[str, ...], widths: tuple[int, ...]) -> str:
    padded = (text + " " * (size - display_width(text)) for text, size in zip(texts, widths, strict=True))
    return "".join(padded).rstrip()
