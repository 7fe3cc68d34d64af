"""A simulator on a socket of the running event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

import msgspec

from nemo_sdg.simulator.connection import Connection
from nemo_sdg.simulator.loops import new_event_loop
from nemo_sdg.simulator.service import Service
from nemo_sdg.simulator.settings import SimulatorSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from nemo_sdg.simulator.settings import Faults, Latency, Limits

# Thousands of clients may connect within the time that one burst of requests takes.
BACKLOG = 4_096


class Simulator:
    """An OpenAI-compatible endpoint that makes answers up; an asynchronous context manager.

    Its answers are deterministic, and each names its model "simulated". Port 0 takes a free one.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare; entering the context starts to listen and raises `OSError` if it cannot."""
        self._service = Service(settings or SimulatorSettings())
        self._host = host
        self._port = port
        self._ssl_context = ssl_context
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """What clients are to be given, such as "http://127.0.0.1:8000/v1"."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._ssl_context else 'http'}://{host}:{self._port}/v1"

    @property
    def settings(self) -> SimulatorSettings:
        """The settings in force."""
        return self._service.settings

    def stats(self) -> dict[str, Any]:
        """Return what `GET /stats` returns."""
        return self._service.stats.snapshot()

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._service.stats.reset()

    def control(
        self,
        *,
        latency: Latency | None = None,
        limits: Limits | None = None,
        faults: Faults | None = None,
    ) -> None:
        """Replace the sections of the settings that are given, from the next request on."""
        given = {"latency": latency, "limits": limits, "faults": faults}
        change = {key: value for key, value in given.items() if value is not None}
        self._service.apply(msgspec.structs.replace(self._service.settings, **change))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._service, self._connections),
            self._host,
            self._port,
            ssl=self._ssl_context,
            backlog=BACKLOG,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()
        # Aborted transports call `connection_lost` in the next turn of the loop.
        await asyncio.sleep(0)


def run(
    settings: SimulatorSettings,
    host: str,
    port: int,
    announce: Callable[[str], None],
    until: Callable[[], Awaitable[Any]],
) -> None:
    """Serve on an event loop of its own until `until()` is done."""

    async def main() -> None:
        async with Simulator(settings, host=host, port=port) as simulator:
            announce(simulator.base_url)
            await until()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())


def serve(settings: SimulatorSettings, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `announce` is called with the base URL when requests can come.

    Raises `OSError` if the address cannot be listened on.
    """
    with contextlib.suppress(KeyboardInterrupt):
        run(settings, host, port, announce, until=lambda: asyncio.Event().wait())
