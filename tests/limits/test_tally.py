from __future__ import annotations

import pytest

from nemo_sdg.limits import NO, OK, TRANSIENT, Tokens
from nemo_sdg.limits.tally import Tally
from tests.limits.fleet import throttled

ESTIMATE = Tokens(100, 20)


def settled(*ends, current=True):
    """Return a tally of attempts that ended so, each with what it used, at 0 s."""
    tally = Tally()
    for verdict, used in ends:
        tally.settle(verdict, ESTIMATE, used, 0.5, current=current, now=0.0)
    return tally


def test_only_successes_are_completed():
    """Latencies are those of successes."""
    tally = settled((OK, None), (TRANSIENT, None), (NO, None), (throttled(), None))
    assert (tally.completed, tally.latency, tally.proven, tally.throttled) == (1, 0.5, True, True)


def test_what_is_not_told_is_taken_as_estimated():
    """Without a count of the server's the estimate stands; a throttle costs nothing."""
    tally = settled((OK, None), (OK, Tokens(150, 5)), (throttled(), None))
    assert (tally.prompt, tally.completion) == (250, 25)
    assert (tally.spare_prompt, tally.spare_completion) == (50, 35)


def test_attempts_of_before_a_burst_prove_nothing():
    """Neither their success nor their being turned away says anything of now."""
    tally = settled((OK, None), (throttled(1.0), None), current=False)
    assert (tally.completed, tally.proven, tally.throttled) == (1, False, False)
    assert tally.until == 1.0


def test_the_longest_wait_counts():
    """Of several times to wait the latest end is kept."""
    tally = settled((throttled(3.0), None), (throttled(1.0), None), (throttled(), None))
    assert tally.until == pytest.approx(3.0)
