"""What a plan takes for granted, in words: whoever reads it must be able to doubt it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.planner.fleet import WORKER_SECONDS
from nemo_sdg.report.formats import duration, number, plural

if TYPE_CHECKING:
    from nemo_sdg.planner.asked import Job
    from nemo_sdg.planner.job_plan import LatencyPlan
    from nemo_sdg.planner.plan import Setting

_SOURCES = {
    "measured": "as measured",
    "given": "as given by --latency",
    "configured": "as the simulated endpoint is configured",
    "assumed": "assumed: nothing is known of the endpoint; --measure 20 or --latency SECONDS says more",
}


def assumptions(job: Job, setting: Setting, latency: LatencyPlan, tightest: str) -> list[str]:
    """Return a sentence for each thing that the plan takes for granted."""
    spread = f"latency: median {duration(latency.median)}, sigma {latency.sigma:.2g} (lognormal)"
    found = [f"{spread}, {_SOURCES[latency.source]}"]
    found += _of_tokens(job)
    found += _of_limits(job, setting)
    if setting.simulator is not None and _has_faults(setting):
        found.append("faults: the simulated endpoint's are left out")
    if len(job.asked) > 1:
        found.append(f"stages: {len(job.asked)} ask; times and workers are of the tightest, {tightest}")
        if any(asked.requests_per_row != 1 for asked in job.asked[1:]):
            found.append("rows: none is lost between the stages that ask")
    if any(asked.endpoints > 1 for asked in job.asked):
        found.append("endpoints: several are planned as one that allows what all of them do")
    if any(asked.hedged for asked in job.asked):
        found.append("hedge: requests that are sent twice are left out")
    at_most = number(round(1 / WORKER_SECONDS))
    found.append(f"workers: each has a CPU that does {at_most} requests/s; starting comes before all times")
    return found


def _of_tokens(job: Job) -> list[str]:
    first, *later = job.asked
    measured = job.measured
    if measured is not None:
        failed = f", {plural(measured.failures, 'failure')}" if measured.failures else ""
        lines = [f"tokens: as counted in {plural(len(measured.latencies), 'answer')}{failed}"]
    elif first.guessed:
        lines = [f"tokens: a guess, for {first.stage} does not say what it asks; --measure 20 tells"]
    else:
        looked_at = plural(len(first.tokens), "row")
        most = "answers as long as max_tokens allows, else 256; --measure 20 tells"
        lines = [f"tokens: 4 characters each in the prompts of {looked_at}; {most}"]
    guessed = [asked.stage for asked in later if asked.guessed]
    if guessed:
        lines.append(
            f"tokens of {', '.join(guessed)}: prompts that hold the prompt and answer of the stage before"
        )
    return lines


def _of_limits(job: Job, setting: Setting) -> list[str]:
    if setting.simulator is not None:
        return []
    measured = job.measured
    if measured is not None and measured.limits:
        return ["limits: as the answers' headers tell, and as configured"]
    if measured is not None and measured.learnt is not None:
        return [f"limits: {measured.learnt:,.0f} requests/min, as far as throttles told"]
    limits = job.asked[0].limits
    if limits == type(limits)():
        unseen = "none was seen" if measured is not None else "none is configured"
        return [f"limits: {unseen}, so that the endpoint bears whatever is sent; set `limits` in the config"]
    return ["limits: the endpoint allows what `limits` in the config says, and no more"]


def _has_faults(setting: Setting) -> bool:
    faults = setting.simulator.faults if setting.simulator else None
    return faults is not None and faults != type(faults)()
