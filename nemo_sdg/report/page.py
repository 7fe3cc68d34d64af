"""A report as one page of HTML that needs nothing else."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from nemo_sdg.redact import shown_url
from nemo_sdg.report import chart, facts
from nemo_sdg.report.advice import advice
from nemo_sdg.report.formats import duration, number, plural, share
from nemo_sdg.report.limit_charts import held_back, limit_charts
from nemo_sdg.report.phrases import BANNER
from nemo_sdg.report.spent import spent_facts

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport

_MOST_CHARACTERS = 6_000
"""Of one field; a page with whole books in it would not open."""

_ONE_LINE = 72
"""Characters; lists and objects up to this length are not spread over lines."""


def render_page(report: RunReport) -> str:
    """Return the page; everything in `report` appears as text, never as markup."""
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, duration=duration, text=_text, url=shown_url, length=len, plural=plural
    )
    environment.globals.update(facts=facts, share=share, banner=BANNER, box=chart)
    charts, without_chart = limit_charts(report.limits)
    return environment.get_template("report.html.j2").render(
        report=report,
        counts=report.counts,
        advice=advice(report),
        figures=facts.time_facts(report) + spent_facts(report),
        parts=_parts(report),
        steps=_steps(report),
        charts=charts,
        without_chart=without_chart,
        reasons=held_back(report),
    )


def _template(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _parts(report: RunReport) -> list[tuple[str, int, float]]:
    """Return the outcomes of rows with their share of all in %, for the bar."""
    counts = report.counts
    outcomes = [
        ("written", counts.rows_written),
        ("rejected", counts.rows_rejected),
        ("filtered", counts.rows_filtered),
    ]
    # A stage may make several rows of one, so there can be more outcomes than rows of the source.
    whole = max(1, report.rows_total, sum(rows for _, rows in outcomes))
    return [(name, rows, round(100 * rows / whole, 3)) for name, rows in outcomes]


def _steps(report: RunReport) -> list[tuple[str, dict[str, Any]]]:
    """Return the steps' settings, each under the best name that there is."""
    found = []
    for position, settings in enumerate(report.settings, 1):
        kind = str(settings.get("step", ""))
        name = str(settings.get("name") or kind.rpartition(":")[2] or f"step {position}")
        found.append((name, {key: value for key, value in settings.items() if key != "name"}))
    return found


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) and len(text) > _ONE_LINE:
        text = json.dumps(value, ensure_ascii=False, indent=2)
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[:_MOST_CHARACTERS]}… ({len(text):,} characters in all)"
