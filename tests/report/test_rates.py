from __future__ import annotations

import pytest

from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.rates import Rates, percentile


def _after(snapshots) -> Rates:
    rates = Rates()
    for snapshot in snapshots:
        rates.add(snapshot)
    return rates


def test_nothing_is_known_at_first(snapshot):
    """Before the first request there is no rate and no ETA."""
    rates = _after([snapshot(0), snapshot(30)])
    assert (rates.requests_now, rates.requests_mean, rates.tokens_now, rates.eta) == (None,) * 4


def test_now_and_mean(snapshot):
    """Now looks back ten seconds; the mean goes back to the first request, not to the command."""
    slow = [snapshot(t, 2 * (t - 20)) for t in range(20, 41)]  # 2 rows/s after 20 s of starting
    fast = [snapshot(t, 40 + 8 * (t - 40)) for t in range(41, 61)]
    rates = _after([snapshot(0), *slow, *fast])
    assert rates.requests_now == pytest.approx(80)
    assert rates.tokens_now == pytest.approx(800)
    assert rates.requests_mean == pytest.approx(50)
    assert rates.tokens_mean == pytest.approx(500)


def test_now_falls_to_zero(snapshot):
    """A run that stands still says so within the window."""
    rates = _after([snapshot(t, min(t, 50)) for t in range(80)])
    assert rates.requests_now == 0


def test_rare_snapshots(snapshot):
    """With a snapshot each minute, now is the last minute."""
    rates = _after([snapshot(0), snapshot(60, 60), snapshot(120, 180)])
    assert rates.requests_now == pytest.approx(20)


def test_earlier_runs_are_left_out(snapshot):
    """Rows, requests and tokens of earlier runs into the folder make nothing faster."""
    before = {"rows_before": 500, "requests_before": 5000, "tokens_before": 50_000}
    rates = _after([snapshot(t, 500 + t, **before) for t in range(21)])
    assert rates.requests_mean == rates.requests_now == pytest.approx(10)
    assert rates.tokens_mean == pytest.approx(100)
    assert rates.eta == pytest.approx(480, rel=0.02)


def _with_earlier(snapshot, t, earlier):
    """Make a steady 10 requests/s to which open shards bring answers of earlier attempts."""
    counts = Counts(rows_read=t, requests=10 * t + earlier, completion_tokens=100 * t + 10 * earlier)
    return snapshot(t, counts=counts, requests_before=earlier, tokens_before=10 * earlier)


def test_a_shard_that_brings_earlier_answers_is_no_jump(snapshot):
    """When a shard with answers of an earlier attempt opens in mid-run, no rate changes."""
    rates = Rates()
    for t in range(60):
        rates.add(_with_earlier(snapshot, t, 5000 * (t // 7)))
        if t > 2:
            assert rates.requests_now == rates.requests_mean == pytest.approx(10)
            assert rates.tokens_now == rates.tokens_mean == pytest.approx(100)


def test_earlier_answers_alone_are_no_start(snapshot):
    """Shards that open with answers of an earlier attempt do not begin the time that averages are over."""
    counts = Counts(requests=5000, completion_tokens=5000)
    opened = [snapshot(t, counts=counts, requests_before=5000, tokens_before=5000) for t in (0, 10, 20)]
    rates = _after([*opened, *(_with_earlier(snapshot, t, 5000) for t in range(21, 24))])
    assert rates.requests_mean == pytest.approx(230 / 3)


def test_answers_that_are_missing_for_a_while(snapshot):
    """When the answers of a killed worker are counted again, no rate leaps by all of them."""
    rates = Rates()
    for t in range(60):
        made = _with_earlier(snapshot, t, 0)
        if 20 <= t < 30:
            made.counts.requests = made.counts.completion_tokens = 0
        rates.add(made)
        assert (rates.requests_now or 0) <= 20  # ten seconds without news, then news of twenty
        assert (rates.requests_mean or 0) <= 10.01
    assert rates.requests_now == rates.requests_mean == pytest.approx(10)


@pytest.mark.parametrize("rows_of_shard", [1, 8, 25])
def test_eta(snapshot, rows_of_shard):
    """At a steady pace the ETA is right, though rows are counted by the shard."""
    rates = _after([snapshot(t, 5 * t // rows_of_shard * rows_of_shard) for t in range(101)])
    assert rates.eta == pytest.approx(100, rel=0.05)


def test_eta_between_shards(snapshot):
    """While a large shard is under way the ETA counts down, as a clock does."""
    seen = [snapshot(t, 5 * t // 100 * 100) for t in range(120)]
    assert _after(seen[:101]).eta == pytest.approx(100)
    assert _after(seen).eta == pytest.approx(81)


def test_eta_of_a_resumed_run(snapshot):
    """Rows of earlier runs do not shorten the ETA, though the first snapshot already has requests."""
    rates = _after([snapshot(t, 500 + t, rows_before=500) for t in range(12, 21)])
    assert rates.eta == pytest.approx(480)


def test_eta_follows_a_change_of_pace(snapshot):
    """After a slow beginning the ETA is that of the faster present."""
    slow = [snapshot(t, t) for t in range(101)]
    fast = [snapshot(100 + t, 100 + 5 * t) for t in range(1, 121)]
    assert _after([*slow, *fast]).eta == pytest.approx(60, rel=0.1)


def test_no_eta_while_it_would_be_a_guess(snapshot):
    """There is none in the first seconds, after one shard, when stopping, or when all is done."""
    assert _after([snapshot(t, t) for t in range(4)]).eta is None
    assert _after([snapshot(0), *(snapshot(t, 100) for t in range(10, 60))]).eta is None
    assert _after([snapshot(0), snapshot(6, 100), snapshot(7, 100)]).eta is None
    steady = [snapshot(t, t) for t in range(50)]
    assert _after(steady).eta is not None
    assert _after([*steady, snapshot(50, 50, stopping=True)]).eta is None
    assert _after([*steady, snapshot(50, 1000)]).eta is None


def test_no_eta_of_a_run_that_stands_still(snapshot):
    """When no row has been finished for long, the ETA first grows and then is gone."""
    steady = [snapshot(t, t) for t in range(41)]
    fair, stalled = _after(steady).eta, [snapshot(t, 40) for t in range(41, 200)]
    assert _after([*steady, *stalled[:10]]).eta > fair
    assert _after([*steady, *stalled]).eta is None


def _priced(snapshot, t, rows, *, ahead=0, before=0):
    """Make a moment with 100 tokens a row, of which each costs 0.01; `ahead` rows are answered and open."""
    tokens = 100 * (rows + ahead)
    counts = Counts(rows_read=rows, requests=rows + ahead, completion_tokens=tokens)
    earlier = {"rows_before": before, "requests_before": before, "tokens_before": 100 * before}
    return snapshot(t, counts=counts, cost=tokens / 10_000, **earlier)


@pytest.mark.parametrize("before", [0, 400])
def test_cost_in_the_end(snapshot, before):
    """Though answers of open shards are paid ahead of their rows, what all rows will cost is said rightly."""
    rates = _after([_priced(snapshot, t, before + 5 * t, ahead=60, before=before) for t in range(81)])
    assert rates.cost_in_the_end == pytest.approx(10.0, rel=0.05)


def test_no_cost_in_the_end_while_it_would_be_a_guess(snapshot):
    """There is none without prices, after few shards, and when all is done."""
    assert _after([snapshot(t, t) for t in range(50)]).cost_in_the_end is None
    assert _after([_priced(snapshot, t, t) for t in range(3)]).cost_in_the_end is None
    done = [*(_priced(snapshot, t, t) for t in range(50)), _priced(snapshot, 50, 1000)]
    assert _after(done).cost_in_the_end is None


def test_a_long_run_takes_no_more_memory(snapshot):
    """After a hundred thousand snapshots a bounded number of moments is kept, and the ETA is right."""
    rates = _after([snapshot(t, t // 10, rows_total=20_000) for t in range(100_000)])
    assert len(rates._advances) + len(rates._recent) < 400
    assert rates.eta == pytest.approx(100_000, rel=0.02)


def test_percentiles():
    """A percentile is one of the values; of no values there is none."""
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (0, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([3.0], 99) == 3.0
    assert percentile([], 50) is None
