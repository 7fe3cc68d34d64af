from __future__ import annotations

import asyncio
import time

import pytest

from nemo_sdg.planner.virtual_time import in_virtual_time


def test_the_clock_jumps_to_the_next_timer():
    """An hour of sleep passes on the loop's clock, and hardly any on the wall's."""
    began = time.monotonic()

    async def main(loop):
        await asyncio.sleep(3600)
        return loop.time()

    assert in_virtual_time(main) == pytest.approx(3600)
    assert time.monotonic() - began < 60


def test_what_is_due_first_happens_first():
    """Sleepers wake in the order of their times, each at its own time."""
    woken = []

    async def sleeper(loop, seconds):
        await asyncio.sleep(seconds)
        woken.append((seconds, round(loop.time(), 6)))

    async def main(loop):
        await asyncio.gather(*(sleeper(loop, seconds) for seconds in (3, 1, 2)))

    in_virtual_time(main)

    assert woken == [(1, 1), (2, 2), (3, 3)]


def test_waiting_in_vain_is_an_error():
    """Where a real loop would wait for ever there is an error that says so."""

    async def main(loop):
        await loop.create_future()

    with pytest.raises(RuntimeError, match="waits in vain"):
        in_virtual_time(main)
