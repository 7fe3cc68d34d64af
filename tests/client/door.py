"""What stands before a server, and can be shut."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from urllib.parse import urlsplit


class Door:
    """Forwards connections to the server at `base_url`, at an address of its own that can go away.

    Shut, it refuses connections, as a machine does whose server is gone; or it takes and breaks them, as
    what forwards a port into a container does. Connections that are open are broken at that.
    """

    def __init__(self, base_url: str) -> None:
        self._target = urlsplit(base_url).port
        self._breaks = self._away = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = 0
        self._run(self._listen())
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    def shut(self, *, breaking: bool) -> None:
        """Let nobody through: refuse connections, or break them."""
        self._run(self._shut(breaking))

    def open(self) -> None:
        """Let everybody through again, at the same address."""
        self._run(self._listen())

    def stop(self) -> None:
        """Shut it and end the thread."""
        self.shut(breaking=False)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work):
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._away = False
        if self._breaks:
            self._breaks = False
            return
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self, breaking: bool) -> None:
        self._breaks, self._away = breaking, True
        if not breaking:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._breaks:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        self._tasks.add(task)
        onward, forward = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, forward}
        if self._away:  # shut meanwhile
            writer.transport.abort()
            forward.transport.abort()
        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, forward), pump(onward, writer))
        self._open -= {writer, forward}
        self._tasks.discard(task)


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy bytes until one side ends."""
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.transport.abort()
