"""Those who wait for something, in any thread's event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nemo_sdg.errors import RunStopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.limits.limiter import Permit
    from nemo_sdg.limits.tokens import Tokens

STOPPED = "no further requests are sent: the run is being stopped"


class Waiter:
    """Somebody who waits in `loop` for a permit, or only for a stop."""

    __slots__ = ("admitted", "estimate", "loop", "permit")

    def __init__(self, loop: asyncio.AbstractEventLoop, estimate: Tokens) -> None:
        self.loop = loop
        self.estimate = estimate
        self.admitted: asyncio.Future[Permit] = loop.create_future()
        self.permit: Permit | None = None

    def admit(self, permit: Permit) -> bool:
        """Hand `permit` over, from any thread; False when nobody can take it any more."""
        self.permit = permit
        if self.loop is running_loop():
            self._hand_over()  # without a wake-up through the loop's self-pipe, most of a hand-over's cost
            return True
        return threadsafe(self.loop, self._hand_over)

    def refuse(self) -> None:
        """Tell it of a stop, from any thread."""
        threadsafe(self.loop, self._refuse)

    def _hand_over(self) -> None:
        if not self.admitted.done():
            assert self.permit is not None
            self.admitted.set_result(self.permit)

    def _refuse(self) -> None:
        if not self.admitted.done():
            self.admitted.set_exception(RunStopped(STOPPED))


def threadsafe(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> bool:
    """Run `call` soon in `loop`; False when the loop is closed."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return False
    return True


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of this thread, if it runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
