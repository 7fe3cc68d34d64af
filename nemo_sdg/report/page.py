"""A report as one page of HTML that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from nemo_sdg.redact import shown_url
from nemo_sdg.report import chart, facts
from nemo_sdg.report.advice import advice
from nemo_sdg.report.analysis import Analysis
from nemo_sdg.report.cells import Cell, cell, plain
from nemo_sdg.report.duplicates import NEAR
from nemo_sdg.report.formats import UNKNOWN, duration, number, plural, share
from nemo_sdg.report.limit_charts import held_back, limit_charts
from nemo_sdg.report.phrases import BANNER
from nemo_sdg.report.sample import shown_rows
from nemo_sdg.report.spent import spent_facts
from nemo_sdg.report.spreads import requests_spread, texts_spread

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport

_CONFIG = 20_000
"""Characters."""


def render_page(report: RunReport, analysis: Analysis | None = None) -> str:
    """Return the page; everything in `report` and `analysis` appears as text, never as markup.

    Without an analysis it has the rows that are in the report.
    """
    charts, without_chart = limit_charts(report.limits)
    found = analysis or Analysis()
    script = _template("report.js")
    values = {
        "report": report,
        "analysis": found,
        "counts": report.counts,
        "advice": advice(report),
        "figures": [fact for fact in facts.time_facts(report) + spent_facts(report) if fact[1] != UNKNOWN],
        "parts": _parts(report),
        "steps": _steps(report),
        "seeds": _seeds(report),
        "config": _config(report),
        "charts": charts,
        "without_chart": without_chart,
        "reasons": held_back(report),
        "requests_spread": requests_spread(report.counts, found),
        "texts_spread": texts_spread(found),
        "looked_at": _looked_at(found),
        "shown": found.shown or shown_rows(report.samples),
    }
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            **values,
            places=_places(values),
            style=Markup(_template("report.css")),  # noqa: S704 - ours
            script=Markup(script),  # noqa: S704 - ours
            digest=_digest(script),
        )
    )


@cache
def _environment() -> Environment:
    """Return what makes text of the templates; a process may end several runs."""
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, duration=duration, text=plain, cell=cell, url=shown_url, length=len, plural=plural
    )
    environment.globals.update(facts=facts, share=share, banner=BANNER, box=chart, near=NEAR)
    return environment


def _places(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the sections that there are."""
    found, has = values["analysis"], values.get
    return [
        (place, name)
        for place, name, there in (
            ("happened", "What happened", True),
            ("limits", "Limits", has("charts") or has("reasons")),
            ("spread", "Latency and tokens", has("requests_spread")),
            ("texts", "Texts", has("texts_spread") or found.finished),
            ("languages", "Languages", found.languages),
            ("duplicates", "Duplicates", found.duplicates and found.duplicates.rows),
            ("rejected", "Rejected", found.rejected),
            ("sample-rows", "Sample rows", True),
            ("made", "What ran", True),
            ("again", "How to make it again", True),
            ("settings", "Settings", has("steps")),
        )
        if there
    ]


def _digest(script: str) -> str:
    """Return by what a browser knows the page's own script, to run that and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _looked_at(analysis: Analysis) -> str:
    """Return in words which rows were looked at."""
    if analysis.seen < analysis.rows:
        return f"a sample of {analysis.seen:,} of the {plural(analysis.rows, 'row')}"
    return f"the {plural(analysis.seen, 'row')} of the dataset"


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text("utf-8")


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


def _steps(report: RunReport) -> list[tuple[str, list[tuple[str, Cell]]]]:
    """Return the steps' settings, each under the best name that there is."""
    return [
        (
            _name(settings, position),
            [(str(key), cell(value)) for key, value in settings.items() if key != "name"],
        )
        for position, settings in enumerate(report.settings, 1)
    ]


def _name(settings: dict[str, Any], position: int) -> str:
    kind = str(settings.get("step", ""))
    return str(settings.get("name") or kind.rpartition(":")[2] or f"step {position}")


def _seeds(report: RunReport) -> list[tuple[str, str]]:
    """Return the seeds in the steps' settings, each with the name of its step."""
    return [
        (_name(settings, position), str(value))
        for position, settings in enumerate(report.settings, 1)
        for place in (settings, settings.get("generation_config"))
        if isinstance(place, dict) and isinstance(value := place.get("seed"), int)
    ]


def _config(report: RunReport) -> str:
    """Return what was set as YAML, ready to be saved as a config; of a huge one the beginning, as JSON."""
    if report.origin is None:
        return ""
    as_json = cell(report.origin.config, _CONFIG)
    if as_json.whole:  # YAML would take long to be made
        return as_json.text + as_json.note
    return cell(yaml.safe_dump(report.origin.config, allow_unicode=True, sort_keys=False), _CONFIG).text
