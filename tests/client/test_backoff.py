from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client.backoff import LONGEST_DELAY, backoff


@settings(derandomize=True)
@given(st.integers(1, 10**6), st.floats(0, 1e6))
def test_our_own_delay_is_bounded(retry, base_delay):
    """A delay that we choose lies between 0 and base_delay doubled for each retry, LONGEST_DELAY at most."""
    assert 0 <= backoff(retry, base_delay) <= min(LONGEST_DELAY, base_delay * 2.0 ** min(retry - 1, 900))


def test_full_jitter():
    """Delays are spread over the whole range, so that those who failed together part."""
    delays = [backoff(3, 1.0) for _ in range(400)]

    assert min(delays) < 0.4
    assert max(delays) > 3.6


@settings(derandomize=True)
@given(st.floats(0, 3600), st.floats(0, 10))
def test_a_wait_that_was_asked_for_is_the_least(after, base_delay):
    """Nobody returns before the server asked for it, nor more than base_delay later."""
    assert after <= backoff(1, base_delay, after) <= after + base_delay
