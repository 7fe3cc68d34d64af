"""The report of a run from what its folder holds, whether it has ended or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.engine.lock import is_held
from nemo_sdg.engine.outcome import counts_in
from nemo_sdg.engine.page import write_page
from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.engine.prices import Prices
from nemo_sdg.errors import OutputError
from nemo_sdg.report.latencies import percentiles
from nemo_sdg.report.numbers import RunReport

if TYPE_CHECKING:
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import Manifest

RUNNING = "running"
_SAMPLES = 3
_KILLED = "its end was not written down, so it may have been killed"


def rebuild_page(folder: RunFolder) -> RunReport:
    """Write `report.html` of the run in `folder` anew; return the report that it shows.

    `report.json` stays as it is. Raises `OutputError` where there is no run, or a manifest that is damaged.
    """
    manifest = folder.manifest()
    if manifest is None:
        raise OutputError(f"{folder.url} holds no run: give the output folder of `nemo-sdg run`")
    report = _report(folder, manifest)
    write_page(folder, manifest, report)
    return report


def _report(folder: RunFolder, manifest: Manifest) -> RunReport:
    """Return what the last report says, unless the run has gone on since."""
    try:
        last = folder.read_report()
    except OutputError:  # damaged: most of what it said is in the marks of shards
        last = None
    running = is_held(folder)
    marks = folder.done()
    finished = marks.keys() >= {shard.index for shard in manifest.shards}
    rows = sum(mark.counts.rows_read for mark in marks.values())
    whole = last is not None and (rows, manifest.rows) == (last.counts.rows_read, last.rows_total)
    if last is not None and whole and not running and (finished or last.state != "finished"):
        return last
    counts = counts_in(folder, marks)
    models = {model for mark in marks.values() for model in mark.models}
    origin = manifest.origin
    prices = Prices.of(origin.config.get("prices")) if origin else None
    return RunReport(
        pipeline=manifest.pipeline,
        state="finished" if finished else RUNNING if running else "stopped",
        message="" if finished or running else _KILLED,
        output=folder.url,
        rows_total=manifest.rows,
        counts=counts,
        seconds=0.0,
        seconds_to_first_request=None,
        requests_per_second=None,
        workers=last.workers if last else 0,
        engine=last.engine if last else "",
        endpoints=last.endpoints if last else [],
        simulated=SIMULATED in models,
        models=sorted(models),
        latency=percentiles(counts.latencies),
        settings=manifest.settings,
        started=manifest.started,
        version=manifest.version,
        samples=folder.first_rows(manifest, _SAMPLES),
        cost=prices.cost(counts.prompt_tokens, counts.completion_tokens) if prices else None,
        origin=origin,
    )
