"""A simulator in a thread of this process."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypeVar

from nemo_sdg.simulator.loops import new_event_loop
from nemo_sdg.simulator.server import Simulator

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from nemo_sdg.simulator.settings import Faults, Latency, Limits, SimulatorSettings

_Result = TypeVar("_Result")


class SimulatorThread:
    """Runs a `Simulator` in a daemon thread with its own event loop; a context manager."""

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; entering the context starts it and raises `OSError` if it cannot listen."""
        self._simulator = Simulator(settings, host=host, port=port, ssl_context=ssl_context)
        self._thread = threading.Thread(target=self._run, name="nemo-sdg-simulator", daemon=True)
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    @property
    def base_url(self) -> str:
        """What clients are to be given."""
        return self._simulator.base_url

    def stats(self) -> dict[str, Any]:
        """Return what `GET /stats` returns."""
        return self._in_loop(self._simulator.stats)

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._in_loop(self._simulator.reset_stats)

    def control(
        self,
        *,
        latency: Latency | None = None,
        limits: Limits | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Replace the sections of the settings that are given, from the next request on."""
        self._in_loop(lambda: self._simulator.control(latency=latency, limits=limits, faults=faults))

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        loop, stop = self._ready.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if self._ready.done():
                raise
            # Whoever waits for the start is told, in the thread that can do something about it.
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        async with self._simulator:
            stop = asyncio.Event()
            self._ready.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    def _in_loop(self, function: Callable[[], _Result]) -> _Result:
        async def call() -> _Result:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._ready.result()[0]).result()
