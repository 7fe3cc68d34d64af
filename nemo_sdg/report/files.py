"""`report.json` and `report.html` in a run's folder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.errors import OutputError
from nemo_sdg.redact import redacted, shown_url, without_credentials
from nemo_sdg.report.limit_values import usable_history, usable_reasons
from nemo_sdg.report.numbers import RunReport
from nemo_sdg.report.text import without_surrogates

if TYPE_CHECKING:
    from nemo_sdg.report.analysis import Analysis
    from nemo_sdg.storage import Store

REPORT = "report.json"
REPORT_PAGE = "report.html"


def write_report(report: RunReport, store: Store) -> None:
    """Write `report.json` into `store`, whole or not at all; OSError when it cannot.

    Credentials in settings, messages and URLs are left out; rows are kept as they are.
    """
    store.write(REPORT, msgspec.json.format(msgspec.json.encode(_shown(report)), indent=2) + b"\n")


def write_page(report: RunReport, analysis: Analysis | None, store: Store) -> None:
    """Write `report.html` into `store`, like `write_report`, with what was found in the rows, if anything."""
    from nemo_sdg.report.page import render_page  # noqa: PLC0415 - jinja2 is slow to import

    store.write(REPORT_PAGE, render_page(_shown(report), analysis).encode())


def read_report(store: Store) -> RunReport:
    """Return the report in `store`; OutputError when it is none, OSError when it cannot be read."""
    try:
        return msgspec.json.decode(store.read(REPORT), type=RunReport)
    except msgspec.DecodeError as error:
        raise OutputError(
            f"{store.url}/{REPORT} is not a report of nemo_sdg ({error}): give the output folder of a run"
        ) from error


def _shown(report: RunReport) -> RunReport:
    """Return a copy that holds JSON values only, and no credentials."""
    report = msgspec.structs.replace(
        report, limits=usable_history(report.limits), held_back=usable_reasons(report.held_back)
    )
    plain = msgspec.to_builtins(report, enc_hook=str, str_keys=True)
    plain = _writable(plain)
    plain["settings"] = redacted(plain["settings"])
    if plain["origin"]:
        plain["origin"] = redacted(plain["origin"])
    plain["message"] = without_credentials(plain["message"])
    plain["output"] = without_credentials(plain["output"])
    plain["endpoints"] = [shown_url(url) for url in plain["endpoints"]]
    plain["limits"] = redacted(plain["limits"])
    for use in (use for moment in plain["limits"] for use in moment["endpoints"]):
        use["endpoint"] = shown_url(use["endpoint"])
    plain["held_back"] = {without_credentials(name): value for name, value in plain["held_back"].items()}
    plain["latency"] = {name: value for name, value in plain["latency"].items() if value is not None}
    return msgspec.convert(plain, RunReport)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    return value
