from __future__ import annotations

import pytest

from nemo_sdg.engine.prices import Prices
from nemo_sdg.limits import Limits, Tokens
from nemo_sdg.planner.asked import Asked, Job
from nemo_sdg.planner.measured import Measured
from nemo_sdg.planner.plan import Setting, plan_job
from nemo_sdg.simulator import Faults, Latency, SimulatorSettings

MEASURED = Measured([0.5] * 10, 0, {"requests": 600.0}, None)


def asked(**changes):
    """Return a stage that asks."""
    options = {
        "stage": "llm_generation",
        "model": "m",
        "endpoint": "http://here/v1",
        "requests_per_row": 1.0,
        "tokens": [Tokens(100, 50)],
        "places": 8,
        "limits": Limits(),
        **changes,
    }
    return Asked(**options)


def planned(*stages, rows=400, measured=None, **setting):
    """Return the plan of a job with such stages."""
    setting = {"pipeline": "p", "engine": "ray", "workers": 2, **setting}
    return plan_job(Job(rows, 16, list(stages), measured), Setting(**setting))


def test_tokens_and_cost_are_those_of_all_stages():
    """All that is asked is added up, and costs what the prices say for a million tokens."""
    prices = Prices(prompt=1.0, completion=10.0)

    plan = planned(asked(), asked(stage="judge", requests_per_row=0.5, tokens=[Tokens(20, 4)]), prices=prices)

    assert plan.requests == 600
    assert (plan.prompt_tokens, plan.completion_tokens) == (400 * 100 + 200 * 20, 400 * 50 + 200 * 4)
    assert plan.cost == pytest.approx((44_000 * 1 + 20_800 * 10) / 1_000_000)
    assert planned(asked()).cost is None


def test_without_knowledge_the_latency_is_assumed_and_said_to_be():
    """A real endpoint of which nothing is known answers in 2 s, and the plan says that this is assumed."""
    plan = planned(asked())

    assert (plan.latency.median, plan.latency.sigma, plan.latency.source) == (2.0, 0.6, "assumed")
    text = " ".join(plan.assumptions)
    assert "median 2.0 s, sigma 0.6" in text
    assert "assumed: nothing is known" in text
    assert "none is configured" in text


@pytest.mark.parametrize(
    ("setting", "median", "source"),
    [
        ({"latency": 0.3}, 0.3, "given"),
        ({"simulator": SimulatorSettings(latency=Latency(median=0.1, sigma=0.5))}, 0.1, "configured"),
        ({"simulator": SimulatorSettings(latency=Latency(median=0.1)), "latency": 0.3}, 0.3, "given"),
        ({"measured": MEASURED, "simulator": SimulatorSettings()}, 0.5, "measured"),
        ({"measured": MEASURED}, 0.5, "measured"),
    ],
)
def test_where_the_latency_is_known_from(setting, median, source):
    """Measured goes before given, given before configured, and times follow from it."""
    plan = planned(asked(), **setting)

    assert (plan.latency.median, plan.latency.source) == (pytest.approx(median), source)
    assert plan.expected.seconds > 400 / 16 * median * 0.9


def test_limits_from_headers_bind():
    """A limit that a measurement found in headers bounds the plan, as one that is configured does."""
    found = planned(asked(places=64), measured=MEASURED)
    configured = planned(asked(places=64, limits=Limits(requests_per_minute=600)))

    for plan in (found, configured):
        assert (plan.limit.name, plan.limit.requests_per_second) == ("requests per minute", 10)
        assert plan.bound.name == "requests per minute"
        assert plan.expected.seconds >= 39
    assert "headers" in " ".join(found.assumptions)


def test_a_limit_on_one_kind_of_tokens():
    """6,000 prompt tokens a minute let one request a second of 100 prompt tokens through."""
    measured = Measured([0.1], 0, {"prompt_tokens": 6_000.0}, None)

    assert planned(asked(), measured=measured).limit.requests_per_second == pytest.approx(1)


def test_throttles_tell_a_limit():
    """Where no header tells the limit, what a measurement learnt from throttles is planned with."""
    plan = planned(asked(), measured=Measured([0.1], 0, {}, 300.0))

    assert plan.limit.requests_per_second == 5
    assert "throttles" in " ".join(plan.assumptions)


def test_the_table_is_for_the_tightest_endpoint():
    """Of stages that ask different models the one that lets the fewest rows through is in the table."""
    slow = asked(stage="judge", model="other", limits=Limits(requests_per_minute=60))

    plan = planned(asked(), slow)

    assert plan.tightest == "judge"
    assert plan.limit.requests_per_second == 1
    assert "tightest, judge" in " ".join(plan.assumptions)


def test_stages_that_ask_one_model_share_its_limit():
    """Two stages with the same endpoint and model send twice as many requests through one limit."""
    limited = {"limits": Limits(requests_per_minute=600), "places": 64}

    one, two = planned(asked(**limited)), planned(asked(**limited), asked(stage="judge", **limited))

    assert two.tightest == "llm_generation, judge"
    assert two.expected.seconds == pytest.approx(2 * one.expected.seconds, rel=0.2)


def test_local_has_one_worker_and_auto_as_many_as_are_useful():
    """Engine local plans with one worker whatever `workers` says; auto with those that the limit can feed."""
    limits = Limits(requests_per_minute=1_200)

    assert planned(asked(), engine="local", workers=5).workers == 1
    assert planned(asked(limits=limits), workers="auto", latency=2.0).workers == 6
    assert planned(asked(), workers="auto").workers == 2
    assert planned(asked(), workers=3).workers == planned(asked(), workers=3).expected.workers == 3


def test_a_small_job_has_no_use_for_more_workers_than_its_fastest():
    """Without a limit of the endpoint the workers of use are those with which the job is soonest done."""
    plan = planned(asked(), rows=200, latency=0.1)

    best = max(plan.scaling.rows, key=lambda row: row.requests_per_second)
    assert plan.useful_workers == min(best.workers, 13)


def test_what_is_left_out_is_said():
    """Guessed tokens, hedges, several endpoints and the simulated one's faults are named as assumptions."""
    simulator = SimulatorSettings(faults=Faults(error_500=0.1))

    plan = planned(asked(endpoints=2, hedged=True), asked(stage="judge", guessed=True), simulator=simulator)

    text = "\n".join(plan.assumptions)
    for words in ("faults:", "tokens of judge:", "endpoints: several", "hedge:"):
        assert words in text
