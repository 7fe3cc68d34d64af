"""An event loop in simulated time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps: when nothing is ready, its clock jumps to the next timer.

    Raises `RuntimeError` where a real loop would wait for ever.
    """

    _ready: Any
    _scheduled: Any

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        """Return the simulated seconds since the loop was made."""
        return self._now

    def _run_once(self) -> None:
        if not self._ready:
            while self._scheduled and self._scheduled[0].cancelled():
                self._drop_cancelled()
            if not self._scheduled:
                raise RuntimeError("nothing will ever happen again: somebody waits in vain")
            self._now = max(self._now, self._scheduled[0].when())
        super()._run_once()  # type: ignore[misc] - asyncio's own loops have it

    def _drop_cancelled(self) -> None:
        import heapq  # noqa: PLC0415

        timer = heapq.heappop(self._scheduled)
        timer._scheduled = False  # noqa: SLF001
        self._timer_cancelled_count -= 1


def in_virtual_time(main: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main(loop)` in simulated time and return its result."""

    async def with_loop() -> T:
        return await main(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(with_loop())
