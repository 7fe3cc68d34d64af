"""HTTP/1.1 requests, read from the bytes of one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httptools

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BODY_BYTES = 64 * 1024 * 1024


class HTTPRequest(NamedTuple):
    """What of a request matters to the endpoint."""

    method: str
    target: bytes
    authorization: str | None
    body: bytes | None
    """None if it was larger than `MAX_BODY_BYTES`."""
    keep_alive: bool


class InvalidHTTPError(Exception):
    """The bytes are no HTTP/1.1 request; nothing after them can be read."""


class RequestReader:
    """Turns bytes into requests; the `on_...` methods are for the parser."""

    def __init__(self, take: Callable[[HTTPRequest], None], send_continue: Callable[[], None]) -> None:
        """Give each request to `take`; `send_continue` is called when a client waits for leave to send."""
        self._take = take
        self._send_continue = send_continue
        self._parser = httptools.HttpRequestParser(self)
        self._ended = False
        self.on_message_begin()

    def feed(self, data: bytes) -> None:
        """Read on; raises `InvalidHTTPError` once and takes no notice of anything after that."""
        if self._ended:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: the request has been taken, what follows is not HTTP.
            self._ended = True
        except httptools.HttpParserCallbackError:
            # Our own mistake, which must not pass for the client's.
            raise
        except httptools.HttpParserError as error:
            self._ended = True
            raise InvalidHTTPError from error

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
        if self._expects:
            self._send_continue()

    def on_body(self, body: bytes) -> None:
        """Collect the body, unless it is too large."""
        self._body_bytes += len(body)
        if self._body_bytes <= MAX_BODY_BYTES:
            self._body.append(body)
        else:
            self._body.clear()

    def on_message_complete(self) -> None:
        """Pass the request on."""
        body: bytes | None
        if self._body_bytes > MAX_BODY_BYTES:
            body = None
        else:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        method = self._parser.get_method().decode("ascii")
        # An answer to HEAD would have to leave its body out; it is the last one instead.
        keep_alive = (
            self._parser.should_keep_alive() and not self._parser.should_upgrade() and method != "HEAD"
        )
        self._take(HTTPRequest(method, self._target, self._authorization, body, keep_alive))
