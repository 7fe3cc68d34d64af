"""Jobs that end early: their money or tokens are spent, or too many rows are rejected."""

from __future__ import annotations

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator import Faults, Latency

PRICES = {"prompt": 1.0, "completion": 10.0}


def money(endpoint):
    """Return what the simulated endpoint was paid, at these prices."""
    stats = endpoint.stats()
    return (
        stats["prompt_tokens"] * PRICES["prompt"] + stats["completion_tokens"] * PRICES["completion"]
    ) / 1e6


def test_a_job_ends_at_its_money_over_all_runs(simulator, qa_pipeline, go, rows_in, tmp_path):
    """At the cap the job stops with everything kept; only a higher one lets it go on, to the same rows."""
    endpoint = simulator(latency=Latency.fixed(0.2))

    def job(**options):
        return go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=300), prices=PRICES, **options)

    report, _ = job(max_cost=0.05)
    assert report.state == "stopped"
    assert report.message == "max_cost 0.05 is reached: raise it to go on"
    assert report.cost == pytest.approx(money(endpoint))
    assert 0.04 <= money(endpoint) <= 0.0525
    spent = money(endpoint)

    report, _ = job(max_cost=spent)
    assert (report.state, money(endpoint)) == ("stopped", spent)
    report, _ = job(max_cost=100)

    assert (report.state, report.max_cost) == ("finished", 100)
    assert report.cost == pytest.approx(money(endpoint))
    assert rows_in(tmp_path).num_rows == endpoint.stats()["requests"] == 300


def test_a_job_ends_at_its_tokens(simulator, qa_pipeline, go, tmp_path):
    """`max_tokens_total` needs no prices and counts what earlier runs have used."""
    endpoint = simulator(latency=Latency.fixed(0.2))

    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=400), max_tokens_total=20_000)

    used = endpoint.stats()["prompt_tokens"] + endpoint.stats()["completion_tokens"]
    assert (report.state, report.cost) == ("stopped", None)
    assert report.counts.prompt_tokens + report.counts.completion_tokens == used
    assert 18_000 <= used <= 21_000


def test_rows_that_fail_end_a_job_early(simulator, qa_pipeline, go, tmp_path):
    """When surely more rows are rejected than allowed, the job ends long before all are paid for."""
    endpoint = simulator(faults=Faults(null_content=0.7), latency=Latency.fixed(0.02))

    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=2000), shard_rows=16)

    assert report.state == "failed"
    assert "rows were rejected, more than max_rejected 0.5" in report.message
    assert endpoint.stats()["requests"] < 1000
    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=2000), max_rejected=1)
    assert report.state == "finished"


def test_caps_in_the_pipelines_config(simulator, qa_pipeline, go, tmp_path):
    """Caps may be given once to the pipeline; a wrong one is refused before anything is asked."""
    endpoint = simulator()
    pipeline = qa_pipeline(endpoint.base_url, tmp_path)
    pipeline.config = {"max_cost": 5}

    with pytest.raises(ConfigError, match="max_cost is given and prices is not"):
        go(pipeline)
    assert endpoint.stats()["requests"] == 0
    report, _ = go(pipeline, prices=PRICES)
    assert (report.state, report.max_cost) == ("finished", 5)
