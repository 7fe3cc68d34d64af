from __future__ import annotations

import pytest

from nemo_sdg.planner.scaling import MOST_WORKERS, Forecast


def test_throughput_grows_with_workers_up_to_the_limit(fleet):
    """Workers double the throughput until the limit is reached; from there on it is the same."""
    job = fleet({"requests_per_minute": 6_000}, places=4, requests=50_000, shard_rows=100, most_events=4_000)

    table = Forecast(job, 100.0).table()

    assert [row.workers for row in table.rows] == [1, 2, 4]
    assert table.same_from == 8
    assert table.rows[1].requests_per_second == pytest.approx(2 * table.rows[0].requests_per_second, rel=0.08)
    assert table.rows[-1].of_limit == pytest.approx(1.0, abs=0.04)
    assert all(row.simulated for row in table.rows)


def test_time_is_extrapolated_to_all_rows(fleet):
    """What is foretold from a part of a job is what the whole of it would take."""
    job = fleet({"requests_per_minute": 6_000}, requests=12_000, shard_rows=100)

    whole = Forecast(job._replace(most_events=1_000_000), 100.0).of(2)
    part = Forecast(job._replace(most_events=3_000), 100.0).of(2)

    assert part.seconds == pytest.approx(whole.seconds, rel=0.04)
    assert part.seconds == pytest.approx(120, rel=0.06)


def test_without_a_limit_throughput_grows_to_the_end(fleet):
    """With nothing known that limits it, the table goes on, with figures that are marked as scaled up."""
    job = fleet(median=2.0, requests=10_000_000, shard_rows=4_096, most_events=4_000)

    table = Forecast(job, None).table()

    rates = [row.requests_per_second for row in table.rows]
    assert [row.workers for row in table.rows] == [2**power for power in range(11)]
    assert table.rows[-1].workers == MOST_WORKERS
    assert rates == sorted(rates)
    assert rates[-1] > 500 * rates[0]
    assert table.rows[0].simulated
    assert not table.rows[-1].simulated
    assert table.rows[0].of_limit is None
    assert table.rows[-1].messages_per_second <= 500


def test_a_table_that_ends_otherwise_shows_how(fleet):
    """A job that many workers make slower is not called the same: the last line is that of the most."""
    job = fleet({"requests_per_minute": 600, "headers": "none"}, places=64, requests=3_000, most_events=4_000)

    forecast = Forecast(job, 10.0)
    table = forecast.table()

    best = max(row.requests_per_second for row in table.rows)
    if table.same_from is None:
        assert table.rows[-1].workers == MOST_WORKERS
    else:
        assert forecast.of(MOST_WORKERS).requests_per_second > 0.85 * best


def test_scaled_up_throughput_ends_at_the_limit(fleet):
    """A limit that only many workers reach bounds what is scaled up from few."""
    job = fleet({"requests_per_minute": 600_000}, median=2.0, requests=10_000_000, shard_rows=4_096)

    scaled = Forecast(job._replace(most_events=4_000), 10_000.0).of(MOST_WORKERS * 8)

    assert not scaled.simulated
    assert scaled.requests_per_second <= 10_000
    assert scaled.of_limit == pytest.approx(scaled.requests_per_second / 10_000)
