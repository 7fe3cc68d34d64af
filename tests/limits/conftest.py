"""An event loop in simulated time."""

from __future__ import annotations

import asyncio

import pytest


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps: when nothing is ready, its clock jumps to the next timer.

    Raises `RuntimeError` where a real loop would wait for ever.
    """

    def __init__(self):
        super().__init__()
        self._now = 0.0

    def time(self):
        return self._now

    def _run_once(self):
        if not self._ready:
            live = [timer.when() for timer in self._scheduled if not timer.cancelled()]
            if not live:
                raise RuntimeError("nothing will ever happen again: somebody waits in vain")
            self._now = max(self._now, min(live))
        super()._run_once()


@pytest.fixture(scope="session")
def in_virtual_time():
    """Return a function that runs `main(loop)` in simulated time and returns its result."""

    def run(main):
        async def with_loop():
            return await main(asyncio.get_running_loop())

        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(with_loop())

    return run
