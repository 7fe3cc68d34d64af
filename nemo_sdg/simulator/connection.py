"""One client's connection: HTTP/1.1 in and out, one request after the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, cast

import httptools

from nemo_sdg.simulator.errors_json import error_body
from nemo_sdg.simulator.reply import Reply

if TYPE_CHECKING:
    from nemo_sdg.simulator.service import Service

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_QUEUED = 64

# Time for the first half of a body to leave before the connection is reset.
_FLUSH_SECONDS = 0.02
_DRIP_PIECES = 20


class _Request(NamedTuple):
    method: str
    target: bytes
    authorization: str | None
    body: bytes
    keep_alive: bool


class Connection(asyncio.Protocol):
    """Reads requests, asks the service and sends its replies in the order of the requests."""

    def __init__(self, service: Service, connections: set[Connection]) -> None:
        """Serve one connection; it is in `connections` for as long as it is open."""
        self._service = service
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[_Request] = deque()
        self._reply: Reply | None = None
        self._keep_alive = True
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self._closed = False
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._service.stats.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the cause does not matter
        """Give up what has not been answered."""
        self._closed = True
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
        """Parse; the parser calls the methods below."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: the request is answered, what follows is not HTTP.
            self._transport.pause_reading()
        except httptools.HttpParserError:
            self._refuse(400, "The request is not valid HTTP/1.1.")

    def on_message_begin(self) -> None:
        """Forget the previous request."""
        self._target = b""
        self._authorization: str | None = None
        self._expects = False
        self._body: list[bytes] = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take the target, or a further part of it."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that matter."""
        lower = name.lower()
        if lower == b"authorization":
            self._authorization = value.decode("latin-1")
        elif lower == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """Let a careful client go on with its body."""
        if self._expects and self._reply is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body_bytes += len(body)
        if self._body_bytes <= MAX_BODY_BYTES:
            self._body.append(body)
        else:
            self._body.clear()

    def on_message_complete(self) -> None:
        """Answer the request, or keep it until those before it are answered."""
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = _Request(
            self._parser.get_method().decode("ascii"),
            self._target,
            self._authorization,
            body,
            self._parser.should_keep_alive(),
        )
        if self._reply is None and not self._queue:
            self._start(request)
            return
        self._queue.append(request)
        if len(self._queue) >= MAX_QUEUED:
            self._transport.pause_reading()

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read, and close, for what follows can't be read either."""
        if self._reply is None and not self._closed:
            reply = Reply(status, error_body(message, "invalid_request_error", None))
            self._transport.write(reply.head(keep_alive=False) + reply.body)
        self._transport.close()

    def _start(self, request: _Request) -> None:
        reply = self._service.handle(request.method, request.target, request.authorization, request.body)
        self._reply = reply
        self._keep_alive = request.keep_alive
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
            size = max(1, -(-len(payload) // _DRIP_PIECES))
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
