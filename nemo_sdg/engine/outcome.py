"""How a run ended, as its report says it."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.engine.entries import PAID, paid_for
from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.errors import OutputError
from nemo_sdg.redact import without_credentials
from nemo_sdg.report.numbers import Counts, RunReport
from nemo_sdg.stages.languages import language_code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemo_sdg.engine.caps import Caps
    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import Manifest, ShardDone
    from nemo_sdg.engine.plan import Plan
    from nemo_sdg.engine.progress import Progress
    from nemo_sdg.report.use_history import UseHistory
    from nemo_sdg.stages.rows import Rejection

_SAMPLES = 3


class Outcome(NamedTuple):
    """Why a run ended; all empty: because its work was done."""

    state: str = ""
    """"stopped" or "failed"."""
    message: str = ""
    given_up: int = 0
    """Number of the signal after which what was in flight was given up."""


def report_of(  # noqa: PLR0917 - what a report is made of, each thing once
    plan: Plan, folder: RunFolder, manifest: Manifest, progress: Progress, uses: UseHistory, outcome: Outcome
) -> RunReport:
    """Return the report of a run that ends now: finished when all shards are committed, whatever came."""
    counts, models = progress.counts(), set(progress.models)
    try:
        marks = folder.done()
        finished = marks.keys() >= {shard.index for shard in manifest.shards}
        samples = folder.first_rows(manifest, _SAMPLES)
        example = _example(folder, marks)
        if finished:  # the marks know more: when all is stopped at once, last commits are not heard of here
            counts = Counts()
            for mark in marks.values():
                counts.add(mark.counts)
                models.update(mark.models)
        else:
            _count_journals(counts, folder, marks)
    except OutputError:  # a bucket that was lost: what happened is said all the same
        finished, samples, example = False, [], ""
    if not finished and not outcome.state:
        outcome = Outcome("failed", "some shards came back unfinished: run the same command again")
    return RunReport(
        pipeline=manifest.pipeline,
        state="finished" if finished else outcome.state,
        message=(wrong_rows(plan.caps, counts) or "") if finished else outcome.message,
        output=folder.url,
        rows_total=manifest.rows,
        counts=counts,
        seconds=time.time() - progress.began,
        seconds_to_first_request=progress.seconds_to_first_request(),
        requests_per_second=progress.requests_per_second(),
        workers=progress.workers_wanted,
        engine=plan.engine,
        endpoints=plan.endpoints(),
        simulated=SIMULATED in models | plan.models,
        models=sorted(models),
        latency=_percentiles(progress.latencies()),
        settings=manifest.settings,
        started=manifest.started,
        version=manifest.version,
        samples=samples,
        limits=uses.samples(),
        held_back=progress.held_back(),
        cost=plan.caps.cost(counts),
        max_cost=plan.caps.max_cost,
        given_up=0 if finished else outcome.given_up,
        origin=plan.origin,
        languages=_languages(manifest.settings),
        rejection=example,
    )


def wrong_rows(caps: Caps, counts: Counts) -> str | None:
    """Return in words that too many rows of a run are rejected, if they surely are."""
    return caps.wrong(counts.rows_rejected, counts.rows_read + counts.added)


def counts_in(folder: RunFolder, marks: Mapping[int, ShardDone]) -> Counts:
    """Return what `marks` count, and what was paid for shards that have none yet."""
    counts = Counts()
    for mark in marks.values():
        counts.add(mark.counts)
    for shard in folder.journal_shards() - marks.keys():
        paid = paid_for(folder.entries(shard))
        paid.reused = 0
        counts.add(paid)
    return counts


def _example(folder: RunFolder, marks: Mapping[int, ShardDone]) -> str:
    """Return why the first rejected row is, with the stage that rejected it; "" when none is."""
    shard = min((index for index, mark in marks.items() if mark.counts.rejected), default=None)
    found: list[Rejection] = []
    with suppress(OutputError):  # torn: it is only an example
        found = [] if shard is None else folder.rejections(shard)[:1]
    return "".join(without_credentials(f"{one.stage}: {one.message}") for one in found)


def _count_journals(counts: Counts, folder: RunFolder, marks: Mapping[int, ShardDone]) -> None:
    """Raise `counts` to what was paid for by marks and journals: workers that were ended did not tell all."""
    kept = counts_in(folder, marks)
    for name in PAID:
        setattr(counts, name, max(getattr(counts, name), getattr(kept, name), key=_size))


def _size(counted: int | dict[str, int]) -> int:
    return sum(counted.values()) if isinstance(counted, dict) else counted


def _languages(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the codes of the languages that the source deals out to its rows."""
    dealt = [step["choices"] for step in settings if isinstance(step.get("choices"), dict)]
    names = [name for choices in dealt for name in choices.get("language", ())]
    return sorted({code for name in names if (code := language_code(str(name))) is not None})


def _percentiles(latencies: Sequence[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    if not ordered:
        return {}
    return {f"p{share}": ordered[math.ceil(share / 100 * len(ordered)) - 1] for share in (50, 95, 99)}
