from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.simulator.bucket import TokenBucket

ARRIVALS = st.lists(
    st.tuples(st.floats(0, 5, allow_nan=False), st.floats(0.001, 50, allow_nan=False)),
    min_size=1,
    max_size=60,
)


def admitted(bucket, arrivals):
    """Return (time, cost) of what is let in, of arrivals given as (pause, cost)."""
    now, taken = 0.0, []
    for pause, cost in arrivals:
        now += pause
        if bucket.wait(cost, now) == 0:
            bucket.take(cost, now)
            taken.append((now, cost))
    return taken


@settings(derandomize=True, max_examples=300)
@given(rate=st.floats(1, 6000), burst=st.floats(0.01, 60), arrivals=ARRIVALS)
def test_never_more_requests_than_rate_and_burst(rate, burst, arrivals):
    """In any window of w seconds at most rate x w + burst requests are let in."""
    bucket = TokenBucket(rate, burst, 0.0)
    taken = admitted(bucket, [(pause / 10, 1) for pause, _ in arrivals])

    for i, (start, _) in enumerate(taken):
        for j in range(i, len(taken)):
            window = taken[j][0] - start
            assert j - i + 1 <= rate / 60 * window + bucket.burst + 1e-6


@settings(derandomize=True, max_examples=300)
@given(rate=st.floats(60, 6000), burst=st.floats(0.1, 10), arrivals=ARRIVALS)
def test_costs_stay_within_rate_and_burst_but_for_the_last(rate, burst, arrivals):
    """Requests of any size exceed rate x w + burst by no more than the last one's size above the burst."""
    bucket = TokenBucket(rate, burst, 0.0)
    taken = admitted(bucket, arrivals)

    for i, (start, _) in enumerate(taken):
        total = 0.0
        for time, cost in taken[i:]:
            total += cost
            assert total <= rate / 60 * (time - start) + bucket.burst + max(0, cost - bucket.burst) + 1e-6


@settings(derandomize=True, max_examples=200)
@given(rate=st.floats(1, 6000), arrivals=ARRIVALS)
def test_waiting_as_long_as_told_is_enough(rate, arrivals):
    """A request that comes back after the wait it was told is let in."""
    bucket, now = TokenBucket(rate, 1.0, 0.0), 0.0
    for pause, cost in arrivals:
        now += pause + 1e-9
        now += bucket.wait(cost, now)

        assert bucket.wait(cost, now) == pytest.approx(0, abs=1e-6)
        bucket.take(cost, now)


def test_a_full_rate_is_served():
    """Requests that come exactly at the rate are all let in, also after the burst is spent."""
    bucket = TokenBucket(600, 1.0, 0.0)

    assert len(admitted(bucket, [(0, 1)] * 20)) == 10
    assert len(admitted(bucket, [(0.1, 1)] * 500)) == 500


def test_a_request_above_the_burst_leaves_a_debt():
    """What is larger than the whole burst is let in when the bucket is full, and then paid off."""
    bucket = TokenBucket(600, 1.0, 0.0)
    assert bucket.wait(30, 0.0) == 0
    bucket.take(30, 0.0)

    assert bucket.level(0.0) == -20
    assert bucket.wait(1, 0.0) == pytest.approx(2.1)
    assert bucket.seconds_to_full(0.0) == pytest.approx(3.0)


def test_burst_is_never_below_one_request():
    """A slow rate with a short burst still lets single requests in."""
    bucket = TokenBucket(6, 1.0, 0.0)

    assert bucket.wait(1, 0.0) == 0
    bucket.take(1, 0.0)
    assert bucket.wait(1, 0.0) == pytest.approx(10)
