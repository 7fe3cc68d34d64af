from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.limits.bucket import SLACK, Bucket
from nemo_sdg.simulator.bucket import TokenBucket
from tests.limits.fleet import excess


def spend(bucket, cost, now):
    """Wait until `cost` may go, from `now` on, spend it, and return when that was."""
    at = bucket.ready_at(cost, now)
    bucket.take(cost, at)
    return at


def test_at_rest_a_quarter_of_a_second_goes_at_once():
    """A bucket begins, and is after any absence, with SLACK seconds' worth; then the rate holds."""
    bucket = Bucket(100.0, 0.0)
    times = [spend(bucket, 1, 0.0) for _ in range(126)]
    assert sum(time == 0 for time in times) == 100 * SLACK + 1
    assert times[-1] == pytest.approx(1.0)
    later = [spend(bucket, 1, 1000.0) for _ in range(60)]
    assert sum(time == 1000 for time in later) == 100 * SLACK + 1


def test_empty_lets_nothing_grow_before_its_time():
    """After `empty` one goes at that time, and the next as the rate has it; what was spent is still owed."""
    bucket = Bucket(10.0, 0.0)
    bucket.empty(5.0)
    assert [spend(bucket, 1, 0.0) for _ in range(3)] == pytest.approx([5.0, 5.1, 5.2])
    bucket.take(10, 5.2)
    bucket.empty(6.0)
    assert spend(bucket, 1, 0.0) > 6.9


def test_giving_back_undoes_taking_and_no_more():
    """What is given back can be spent at once, but is not saved beyond the slack."""
    bucket = Bucket(10.0, 0.0)
    bucket.take(50, 0.0)
    bucket.give_back(50)
    assert bucket.ready_at(1, 0.0) == 0
    bucket.give_back(1000)
    times = [spend(bucket, 1, 1.0) for _ in range(5)]
    assert times[-1] > 1


def test_another_rate_goes_on_with_the_debt():
    """What was spent ahead is paid off at the new rate; a smaller rate has a smaller slack."""
    bucket = Bucket(10.0, 0.0)
    bucket.take(12.5, 0.0)
    bucket.set_rate(5.0, 0.0)
    assert bucket.ready_at(1, 0.0) == pytest.approx(2.0)
    bucket = Bucket(100.0, 0.0)
    bucket.set_rate(10.0, 0.0)
    assert sum(spend(bucket, 1, 0.0) == 0 for _ in range(26)) <= 4


COSTS = st.lists(st.tuples(st.floats(0, 3), st.sampled_from([1, 1, 1, 5, 30, 100, 250, 6000])), max_size=60)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(rate=st.sampled_from([0.5, 10.0, 100.0]), costs=COSTS)
def test_an_endpoint_lets_in_what_a_bucket_lets_go(rate, costs):
    """Whatever comes when, large ones too: an endpoint with a burst of a second turns nothing away."""
    bucket, endpoint = Bucket(rate, 0.0), TokenBucket(60 * rate, 1.0, 0.0)
    now, sent = 0.0, []
    for pause, cost in costs:
        now = spend(bucket, cost, now + pause)
        assert endpoint.wait(cost, now) <= 1e-6
        endpoint.take(cost, now)
        sent.append((now, cost))
    largest = max((cost for _, cost in costs), default=0)
    assert excess(sent, rate, tokens=True) <= rate * SLACK + largest + 1e-6
