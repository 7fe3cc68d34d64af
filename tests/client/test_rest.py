from __future__ import annotations

import math

import pytest

from nemo_sdg.client import rest as module
from nemo_sdg.client.question import Tries
from nemo_sdg.client.rest import REPEATED, Rest
from nemo_sdg.errors import AuthenticationError, NoConnectionError, ServerError

AWAY, WRONG, BROKEN = NoConnectionError("away"), AuthenticationError("wrong"), ServerError("x")


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """Have rests last as long as this clock says."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def tries(started=0.0):
    """Return those of a request whose last attempt began at `started`."""
    made = Tries()
    made.started = started
    return made


def fail(rest, error, who=None, *, alone=False):
    """Have a request fail."""
    return rest.failed(error, who or tries(), alone=alone)


@pytest.mark.parametrize(
    ("error", "rests"), [(AWAY, [1, 2, 4, 8, 16, 32, 60, 60]), (WRONG, [60, 120, 240, 480, 600])]
)
def test_rests_grow(clock, error, rests):
    """Each failed trial doubles the rest up to its bound, which is longer where no request can succeed."""
    rest = Rest()
    assert fail(rest, error)
    for seconds in rests:
        assert rest.left() == pytest.approx(seconds)
        clock.now += seconds - 0.001
        assert not rest.take(tries())
        clock.now += 0.002
        trial = tries(clock.now)
        assert rest.take(trial)
        assert fail(rest, error, trial)


def test_one_trial_at_a_time(clock):
    """When the rest is over one request may go, the next when that came to nothing; all after an answer."""
    rest = Rest()
    fail(rest, AWAY)
    clock.now = 1.5
    first, second = tries(1.5), tries(1.5)

    assert rest.take(first)
    assert not rest.take(second)
    assert rest.left() == math.inf
    rest.leave(second)
    assert not rest.take(second)
    rest.leave(first)
    assert rest.take(second)
    rest.answered(second, completed=False)
    assert rest.works
    assert rest.take(first)
    assert rest.take(second)


@pytest.mark.usefixtures("clock")
def test_repeated_failures():
    """What may happen now and then makes it rest when it happens often with no completion between."""
    rest = Rest()
    for _ in range(3):
        for _ in range(REPEATED - 1):
            assert not fail(rest, BROKEN)
        rest.answered(tries())
    assert [fail(rest, BROKEN) for _ in range(REPEATED)] == [False] * (REPEATED - 1) + [True]


def test_late_news(clock):
    """What was asked before a rest neither lengthens nor ends it, and after it begins no other."""
    rest = Rest()
    early = tries(0.0)
    clock.now = 1.0
    fail(rest, AWAY, tries(0.5))
    clock.now = 1.5

    assert fail(rest, AWAY, early)
    rest.answered(early)
    assert rest.left() == 0.5
    clock.now = 2.0
    trial = tries(2.0)
    rest.take(trial)
    rest.answered(trial)
    assert rest.works
    assert not fail(rest, AWAY, early)
    assert rest.works


@pytest.mark.parametrize(("error", "rests"), [(AWAY, False), (BROKEN, False), (WRONG, True)])
def test_the_last_one(error, rests):
    """The only one that works rests only when no request can succeed."""
    rest = Rest()

    assert [fail(rest, error, alone=True) for _ in range(9)] == [rests] * 9
    assert rest.works is not rests


def test_a_trial_of_the_last_one(clock):
    """One on trial that is alone by then works, whatever its trial came to."""
    rest = Rest()
    fail(rest, AWAY)
    clock.now = 2.0
    trial = tries(2.0)
    rest.take(trial)

    assert not fail(rest, AWAY, trial, alone=True)
    assert rest.works
