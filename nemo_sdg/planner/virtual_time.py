"""An event loop in simulated time."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class _Jump(selectors.DefaultSelector):
    """Waits for nothing: where it would, the clock jumps."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("nothing will ever happen again: somebody waits in vain")
        self.jumped += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps: when nothing is ready, its clock jumps to the next timer.

    Raises `RuntimeError` where a real loop would wait for ever.
    """

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        """Return the simulated seconds since the loop was made."""
        return self._jump.jumped


def in_virtual_time(main: Callable[[asyncio.AbstractEventLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main(loop)` in simulated time and return its result."""

    async def with_loop() -> T:
        return await main(asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(with_loop())
