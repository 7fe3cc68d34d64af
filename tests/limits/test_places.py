from __future__ import annotations

import asyncio
import random

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.limits import OK, Limiter, Places
from tests.limits.fleet import admitted_now


@pytest.mark.parametrize("number", [0, -3, 1.5, True, "8", None])
def test_number_is_checked(number):
    """Anything but a whole number of at least 1 is refused, with its value."""
    with pytest.raises(ConfigError, match=f"max_concurrent_requests is {number!r}"):
        Places(number)


def test_limiters_of_one_client_share_its_places(in_virtual_time):
    """Two models of one client never have more in flight together, and nobody waits beside a free place."""

    async def main(loop):
        places, peak = Places(5), 0
        limiters = [Limiter(places, clock=loop.time) for _ in range(2)]

        async def attempt(rng):
            nonlocal peak
            permit = await rng.choice(limiters).acquire()
            peak = max(peak, places.taken)
            assert places.taken == sum(limiter.in_flight for limiter in limiters)
            await asyncio.sleep(1.0)
            permit.settle(None, OK)

        rng = random.Random(1)
        await asyncio.gather(*(attempt(rng) for _ in range(50)))
        return peak, places.taken, loop.time()

    peak, taken, time = in_virtual_time(main)
    assert (peak, taken) == (5, 0)
    assert time == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize("how", ["settle", "release"])
def test_a_place_that_is_left_goes_to_another_limiter(in_virtual_time, how):
    """The other limiter's waiter is admitted in the moment in which a place is given back."""

    async def main(loop):
        places = Places(2)
        first, other = (Limiter(places, clock=loop.time) for _ in range(2))
        held = await admitted_now(first)
        waiting = asyncio.ensure_future(other.acquire())
        await asyncio.sleep(1)
        assert not waiting.done()
        if how == "settle":
            held[0].settle(None, OK)
        else:
            held[0].release()
        await asyncio.sleep(0.001)
        return len(held), waiting.done(), places.taken

    assert in_virtual_time(main) == (2, True, 2)
