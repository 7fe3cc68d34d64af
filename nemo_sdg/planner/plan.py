"""Foretells a job: what it asks, what that costs, and how long it takes."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.planner.assumptions import assumptions
from nemo_sdg.planner.bounds import binding, of_endpoint, useful_workers
from nemo_sdg.planner.endpoint_known import endpoint_of, latency_of
from nemo_sdg.planner.fleet import Fleet
from nemo_sdg.planner.job_plan import JobPlan, LatencyPlan, StagePlan
from nemo_sdg.planner.scaling import Forecast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.engine.prices import Prices
    from nemo_sdg.limits import Tokens
    from nemo_sdg.planner.asked import Asked, Job
    from nemo_sdg.simulator import SimulatorSettings

AUTO = 2
"""Workers that `workers: auto` begins with where no limit is known."""


class Setting(NamedTuple):
    """How the job is to run, and what is known of the endpoint."""

    pipeline: str
    engine: str
    workers: int | str
    prices: Prices | None = None
    simulator: SimulatorSettings | None = None
    """The simulated endpoint's, when that answers."""
    latency: float | None = None
    """Median in seconds, when a person gave it."""


def plan_job(job: Job, setting: Setting) -> JobPlan:
    """Return what is to be expected of `job`."""
    latency = latency_of(job.measured, setting.simulator, setting.latency)
    fleets = {}
    for group in _groups(job.asked):
        fleet = _fleet(job, group, setting, latency)
        fleets[", ".join(asked.stage for asked in group)] = fleet
    rows_per_second = {
        name: binding(fleet, of_endpoint(fleet)).requests_per_second * job.rows / fleet.requests
        for name, fleet in fleets.items()
    }
    tightest = min(fleets, key=rows_per_second.__getitem__)
    fleet = fleets[tightest]
    limit = of_endpoint(fleet)
    useful = useful_workers(fleet, limit)
    if setting.workers == "auto":
        fleet = fleet._replace(workers=AUTO if limit is None else useful)
    forecast = Forecast(fleet, limit.requests_per_second if limit else None)
    scaling = forecast.table()
    if limit is None:  # then the table knows better
        useful = min(useful, max(scaling.rows, key=lambda row: row.requests_per_second).workers)
    stages = [_stage(job, asked) for asked in job.asked]
    prompt = round(sum(stage.requests * stage.prompt_tokens for stage in stages))
    completion = round(sum(stage.requests * stage.completion_tokens for stage in stages))
    prices = setting.prices
    return JobPlan(
        pipeline=setting.pipeline,
        simulated=setting.simulator is not None,
        measured=len(job.measured.latencies) if job.measured else 0,
        rows=job.rows,
        engine=setting.engine,
        workers=fleet.workers,
        stages=stages,
        requests=sum(stage.requests for stage in stages),
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=None if prices is None else prices.cost(prompt, completion),
        latency=latency,
        limit=limit,
        bound=binding(fleet, limit),
        useful_workers=useful,
        expected=forecast.of(fleet.workers),
        scaling=scaling,
        tightest=tightest,
        assumptions=assumptions(job, setting, latency, tightest),
    )


def _groups(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Return the stages that share limits, which those of one endpoint and model do."""
    groups: dict[tuple[str, str], list[Asked]] = {}
    for each in asked:
        groups.setdefault((each.endpoint, each.model), []).append(each)
    return list(groups.values())


def _fleet(job: Job, group: Sequence[Asked], setting: Setting, latency: LatencyPlan) -> Fleet:
    per_row = sum(asked.requests_per_row for asked in group)
    tokens: list[Tokens] = [each for asked in group for each in asked.tokens]
    workers = 1 if setting.engine == "local" else setting.workers
    measured = job.measured if job.asked[0] in group else None
    each = (fmean(each.prompt for each in tokens), fmean(each.completion for each in tokens))
    return Fleet(
        workers=workers if isinstance(workers, int) else AUTO,
        places=max(asked.places for asked in group),
        limits=group[0].limits,
        endpoint=endpoint_of(measured, setting.simulator, group[0].limits, each, latency),
        tokens=tokens,
        requests=max(1, round(job.rows * per_row)),
        shard_rows=max(1, round(job.shard_rows * per_row)),
    )


def _stage(job: Job, asked: Asked) -> StagePlan:
    return StagePlan(
        stage=asked.stage,
        model=asked.model,
        endpoint=asked.endpoint,
        requests=round(job.rows * asked.requests_per_row),
        prompt_tokens=asked.prompt,
        completion_tokens=asked.completion,
    )
