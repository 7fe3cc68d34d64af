from __future__ import annotations

import asyncio
import threading

import pytest

from nemo_sdg.errors import RunStopped
from nemo_sdg.limits import NO_TOKENS
from nemo_sdg.limits.waiting import Waiter, running_loop, threadsafe


def test_handed_over_at_once_in_its_own_loop():
    """In the loop that waits no turn of it is needed."""

    async def main():
        waiter = Waiter(asyncio.get_running_loop(), NO_TOKENS)
        return waiter.admit("permit"), waiter.admitted.done(), await waiter.admitted

    assert asyncio.run(main()) == (True, True, "permit")


def test_handed_over_from_another_thread():
    """Another thread may admit and refuse; the loop that waits wakes up."""

    async def main():
        loop = asyncio.get_running_loop()
        first, second = Waiter(loop, NO_TOKENS), Waiter(loop, NO_TOKENS)
        threading.Thread(target=lambda: (first.admit("permit"), second.refuse())).start()
        async with asyncio.timeout(20):
            assert await first.admitted == "permit"
            with pytest.raises(RunStopped):
                await second.admitted

    asyncio.run(main())


def test_nobody_takes_what_is_handed_to_a_closed_loop():
    """A closed loop's waiter says so, that its permit can go to another."""
    loop = asyncio.new_event_loop()
    waiter = Waiter(loop, NO_TOKENS)
    loop.close()

    assert not waiter.admit("permit")
    waiter.refuse()
    assert not threadsafe(loop, print)
    assert running_loop() is None
