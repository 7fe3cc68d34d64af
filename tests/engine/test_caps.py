from __future__ import annotations

import random

import pytest

from nemo_sdg import JsonlWriter
from nemo_sdg.engine.caps import Caps
from nemo_sdg.engine.prices import Prices
from nemo_sdg.errors import ConfigError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.simulator import Faults, Latency

MONEY = {"prompt": 1.0, "completion": 10.0}
PRICES = Prices(**MONEY)


def paid(requests: int) -> Counts:
    """Return the counts of requests with 1,000 prompt and 100 completion tokens: 0.002 each."""
    return Counts(requests=requests, prompt_tokens=1000 * requests, completion_tokens=100 * requests)


def test_money_ends_a_job_so_that_what_is_in_flight_fits():
    """A cap is reached when what is paid and what still arrives, at the same price, comes to it."""
    caps = Caps(max_cost=2.0, prices=PRICES)

    assert caps.cost(paid(500)) == pytest.approx(1.0)
    assert caps.spent(paid(900), coming=99) is None
    assert (
        caps.spent(paid(900), coming=100)
        == "max_cost 2 is reached, with what was in flight counted in: raise it to go on"
    )
    assert caps.spent(paid(1000), coming=0)
    assert caps.spent(Counts(), coming=64) is None


def test_tokens_end_a_job():
    """`max_tokens_total` counts prompt and completion tokens, without prices."""
    caps = Caps(max_tokens_total=110_000)

    assert caps.cost(paid(1)) is None
    assert caps.spent(paid(89), coming=10) is None
    assert caps.spent(paid(90), coming=10) == (
        "max_tokens_total 110,000 is reached, with what was in flight counted in: raise it to go on"
    )


def test_a_job_that_is_done_before_its_cap_is_noticed_says_so():
    """What a finished job has spent beyond a cap is told with both numbers."""
    caps = Caps(max_cost=2.0, max_tokens_total=10**9, prices=PRICES)
    assert caps.passed(paid(1000)) is None
    assert "max_cost 2: 2.2 is spent" in caps.passed(paid(1100))
    caps = Caps(max_tokens_total=110_000)
    assert caps.passed(paid(100)) is None
    assert "max_tokens_total 110,000: 111,100 tokens are spent" in caps.passed(paid(101))


def test_few_rows_prove_nothing():
    """Rejections end a job only when chance does not explain them; all of the first 20 rows are enough."""
    assert Caps().wrong(8, 8) is None
    assert "20 of 20 rows were rejected, more than max_rejected allows (50 %)" in (Caps().wrong(20, 20) or "")
    assert Caps().wrong(60, 100) is None
    assert Caps().wrong(600, 1000)
    assert Caps(max_rejected=1).wrong(1000, 1000) is None
    assert Caps(max_rejected=0).wrong(0, 1000) is None
    assert Caps(max_rejected=0).wrong(1, 1000)


def test_a_job_within_its_share_is_hardly_ever_ended():
    """Of 300 jobs whose rows are rejected with 4 %, at most a few are ended by a cap of 5 %."""
    dice, caps, ended = random.Random(4), Caps(max_rejected=0.05), 0
    for _ in range(300):
        rejected = 0
        for row in range(1, 2001):
            rejected += dice.random() < 0.04
            if row % 20 == 0 and caps.wrong(rejected, row):
                ended += 1
                break

    assert ended <= 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rejected": 1.5}, "max_rejected is 1.5: give a share between 0 and 1"),
        ({"max_rejected": "5"}, "max_rejected is '5'"),
        ({"max_cost": 5.0}, "max_cost is given and prices is not"),
        ({"max_cost": 0, "prices": PRICES}, "max_cost is 0: give an amount of money above 0"),
        ({"max_cost": float("nan"), "prices": PRICES}, "max_cost is nan"),
        ({"max_tokens_total": 0}, "max_tokens_total is 0: give a whole number of at least 1"),
        ({"max_tokens_total": 1.5}, r"max_tokens_total is 1\.5"),
    ],
)
def test_wrong_caps_are_refused(options, message):
    """A value that is no cap is an error that says what to give."""
    with pytest.raises(ConfigError, match=message):
        Caps(**options)


def money(endpoint):
    """Return what the simulated endpoint was paid, at these prices."""
    stats = endpoint.stats()
    return (stats["prompt_tokens"] * MONEY["prompt"] + stats["completion_tokens"] * MONEY["completion"]) / 1e6


def test_a_job_ends_at_its_money_over_all_runs(simulator, qa_pipeline, go, rows_in, tmp_path):
    """At the cap the job stops with everything kept; only a higher one lets it go on, to the same rows."""
    endpoint = simulator(latency=Latency.fixed(0.2))

    def job(**options):
        return go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=350), prices=MONEY, **options)

    report, _ = job(max_cost=0.15)
    assert report.state == "stopped"
    assert "max_cost 0.15 is reached" in report.message
    assert report.cost == pytest.approx(money(endpoint))
    assert 0.12 <= money(endpoint) <= 0.153
    spent = money(endpoint)

    report, _ = job(max_cost=spent)
    assert (report.state, money(endpoint)) == ("stopped", spent)
    report, _ = job(max_cost=100)

    assert (report.state, report.max_cost) == ("finished", 100)
    assert report.cost == pytest.approx(money(endpoint))
    assert rows_in(tmp_path).num_rows == endpoint.stats()["requests"] == 350


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
    assert "rows were rejected, more than max_rejected allows (50 %)" in report.message
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
    report, _ = go(pipeline, prices=MONEY)
    assert (report.state, report.max_cost) == ("finished", 5)


def test_rows_are_made_of_what_is_there_when_all_is_spent(simulator, qa_pipeline, go, rows_in, tmp_path):
    """A cap that is reached keeps from asking, not from making the rows of kept answers in another format."""
    endpoint = simulator()
    go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=60), shard_rows=20)
    asked = endpoint.stats()["requests"]

    report, _ = go(
        qa_pipeline(endpoint.base_url, tmp_path, num_samples=60, writer=JsonlWriter), max_tokens_total=10
    )
    assert (report.state, report.counts.rows_written) == ("finished", 60)
    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=90), max_tokens_total=10)

    assert (report.state, rows_in(tmp_path).num_rows) == ("stopped", 60)
    assert "max_tokens_total 10 is reached" in report.message
    assert endpoint.stats()["requests"] == asked


def test_rows_that_fail_are_judged_at_the_end_too(simulator, qa_pipeline, go, tmp_path):
    """A run that ends before anybody looked is judged all the same; another cap judges it anew."""
    endpoint = simulator(faults=Faults(null_content=1))

    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=30))
    assert report.state == "finished"
    assert "30 of 30 rows were rejected" in report.message
    report, _ = go(qa_pipeline(endpoint.base_url, tmp_path, num_samples=30), max_rejected=1)

    assert (report.state, report.message) == ("finished", "")
