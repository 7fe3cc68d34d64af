from __future__ import annotations

import pytest

from nemo_sdg.limits.learnt import LearntRate


def throttled_at(rate, *, seconds=10.0, learnt=None):
    """Return what has learnt from so many seconds at `rate` and one throttle at their end."""
    learnt = learnt or LearntRate()
    for tenth in range(int(10 * seconds)):
        learnt.completed(int(rate / 10), tenth / 10)
    learnt.throttled(seconds)
    return learnt


def test_nothing_is_known_before_a_throttle():
    """Successes alone tell of no limit."""
    learnt = LearntRate()
    learnt.completed(1000, 1.0)
    assert learnt.at(5.0) is None


def test_a_throttle_cuts_to_a_little_under_what_succeeded():
    """Right after a throttle the rate is 9/10 of what was borne, and it is back there within 5 seconds."""
    learnt = throttled_at(100)
    assert learnt.at(10.0) == pytest.approx(90, rel=0.06)
    assert learnt.at(15.0) == pytest.approx(100, rel=0.06)


def test_refused_before_any_answer():
    """Where answers take longer than the first refusals, half of what was sent is where it begins."""
    learnt = LearntRate()
    learnt.throttled(0.1, sent=32.0)
    assert learnt.at(0.1) == pytest.approx(14.4)


def test_growth_is_careful_and_then_bold():
    """10 s after the return the rate is at most a quarter higher, 60 s after it is more than double."""
    learnt = throttled_at(100)
    rates = [learnt.at(10 + seconds) for seconds in range(60)]
    assert rates == sorted(rates)
    assert rates[15] <= 1.26 * rates[5]
    assert rates[45] >= 2 * rates[5]


def test_it_is_never_nothing():
    """However often throttles come, some attempts go on, and the rate never rises by a throttle."""
    learnt = throttled_at(1)
    before = learnt.at(10.0)
    for burst in range(50):
        learnt.throttled(11.0 + burst)
        assert 0 < learnt.at(11.0 + burst) <= before
        before = max(learnt.at(12.0 + burst), 0.1)


def test_a_limit_above_a_known_one_is_forgotten():
    """When the learnt rate has grown to the one that is configured, that one is enough."""
    learnt = throttled_at(100)
    learnt.forget_beyond(200.0, 10.0)
    assert learnt.at(10.0) is not None
    learnt.forget_beyond(85.0, 10.0)
    assert learnt.at(10.0) is None


def test_a_limit_far_away_is_forgotten():
    """When far less is sent than the learnt rate allows, it limits nothing and is forgotten."""
    learnt = throttled_at(100)
    learnt.completed(1, 60.0)
    learnt.forget_beyond(None, 60.0)
    assert learnt.at(60.0) is None


def test_what_a_predecessor_learnt_is_gone_on_with():
    """A remembered rate holds at once, without the cut of a throttle."""
    learnt = LearntRate()
    learnt.remember(40.0, 7.0)
    assert learnt.at(7.0) == pytest.approx(40.0)
