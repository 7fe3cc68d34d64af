"""One client's connection: requests in, replies out in the same order."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

from nemo_sdg.simulator.errors_json import error_body
from nemo_sdg.simulator.reader import MAX_BODY_BYTES, HTTPRequest, InvalidHTTPError, RequestReader
from nemo_sdg.simulator.reply import Reply

if TYPE_CHECKING:
    from nemo_sdg.simulator.service import Service

MAX_QUEUED = 64

# Time for the first half of a body to leave before the connection is reset.
_FLUSH_SECONDS = 0.02
_DRIP_PIECES = 20


class Connection(asyncio.Protocol):
    """Asks the service for a reply to each request and sends it when and how the reply says."""

    def __init__(self, service: Service, connections: set[Connection]) -> None:
        """Serve one connection; it is in `connections` for as long as it is open."""
        self._service = service
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader(self._take, self._send_continue)
        # Requests that came while another was being answered, or a reply to what was no request.
        self._queue: deque[HTTPRequest | Reply] = deque()
        self._reply: Reply | None = None
        self._keep_alive = True
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._service.stats.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the cause does not matter
        """Give up what has not been answered."""
        self._connections.discard(self)
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._reply is not None:
            self._service.finished(self._reply, written=False)
            self._reply = None

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read requests."""
        try:
            self._reader.feed(data)
        except InvalidHTTPError:
            self._take(_refusal(400, "The request is not valid HTTP/1.1."))

    def _send_continue(self) -> None:
        # Amid another request's answer it would be taken for a part of that.
        if self._reply is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take(self, item: HTTPRequest | Reply) -> None:
        """Answer now, or keep it until everything before it is answered."""
        if self._transport.is_closing():
            return
        if self._reply is None and not self._queue:
            self._start(item)
            return
        self._queue.append(item)
        if len(self._queue) >= MAX_QUEUED:
            self._transport.pause_reading()

    def _start(self, item: HTTPRequest | Reply) -> None:
        if isinstance(item, Reply):
            self._keep_alive, reply = False, item
        elif item.body is None:
            reply = _refusal(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
            self._keep_alive = item.keep_alive
        else:
            reply = self._service.handle(item.method, item.target, item.authorization, item.body)
            self._keep_alive = item.keep_alive
        self._reply = reply
        if reply.manner == "hang":
            return
        if reply.delay > 0:
            self._timer = self._loop.call_later(reply.delay, self._send)
        else:
            self._send()

    def _send(self) -> None:
        reply = self._reply
        assert reply is not None
        if reply.manner == "reset":
            self._reset()
            return
        head, payload = reply.head(keep_alive=self._keep_alive), reply.payload()
        if reply.manner == "whole":
            self._transport.write(head + payload)
            self._finish()
        elif reply.manner == "reset_mid_body":
            self._transport.write(head + payload[: len(payload) // 2])
            self._timer = self._loop.call_later(_FLUSH_SECONDS, self._reset)
        else:
            self._transport.write(head)
            size = -(-len(payload) // _DRIP_PIECES)
            pieces = deque(payload[i : i + size] for i in range(0, len(payload), size))
            self._drip(pieces, reply.drip_seconds / len(pieces))

    def _drip(self, pieces: deque[bytes], pause: float) -> None:
        self._transport.write(pieces.popleft())
        if pieces:
            self._timer = self._loop.call_later(pause, self._drip, pieces, pause)
        else:
            self._finish()

    def _reset(self) -> None:
        # Closing with a linger time of zero sends a reset instead of an orderly end.
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _finish(self) -> None:
        reply, self._reply, self._timer = self._reply, None, None
        assert reply is not None
        self._service.finished(reply, written=not self._transport.is_closing())
        if not self._keep_alive:
            self._transport.close()
        elif self._queue and not self._draining:
            self._drain()

    def _drain(self) -> None:
        """Answer kept requests up to the first that takes time; a loop, since there may be many."""
        self._draining = True
        while self._queue and self._reply is None and not self._transport.is_closing():
            self._start(self._queue.popleft())
        self._draining = False
        if len(self._queue) < MAX_QUEUED and not self._transport.is_closing():
            self._transport.resume_reading()


def _refusal(status: int, message: str) -> Reply:
    return Reply(status, error_body(message, "invalid_request_error", None))
