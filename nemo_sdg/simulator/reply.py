"""One answer, ready to be sent: what, when and how."""

from __future__ import annotations

from typing import Literal

import msgspec

from nemo_sdg.simulator.completions import Usage

Manner = Literal["whole", "drip", "reset", "reset_mid_body", "hang"]

JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    529: "Overloaded",
}


class Reply(msgspec.Struct):
    """An answer and what the statistics need to know about it."""

    status: int
    body: bytes
    headers: str = ""
    """Further header lines, each ended by a line break."""
    content_type: str = JSON_TYPE
    chunks: list[bytes] | None = None
    """The body in pieces, to be sent in chunked encoding; `body` is unused then."""
    delay: float = 0.0
    """Seconds until sending begins."""
    manner: Manner = "whole"
    drip_seconds: float = 0.0
    counted: bool = False
    """Whether it answers a completion request, which the statistics are about."""
    fault: str | None = None
    usage: Usage | None = None
    """Set for a completion that a client can use, and pays for."""
    choices: int = 0
    fingerprint: int = 0

    def head(self, *, keep_alive: bool) -> bytes:
        """Return the status line and the header block."""
        framing = (
            f"content-length: {len(self.body)}\r\n"
            if self.chunks is None
            else "transfer-encoding: chunked\r\n"
        )
        connection = "" if keep_alive else "connection: close\r\n"
        return (
            f"HTTP/1.1 {self.status} {REASONS[self.status]}\r\ncontent-type: {self.content_type}\r\n"
            f"{framing}{self.headers}{connection}\r\n"
        ).encode()

    def payload(self) -> bytes:
        """Return the body as it goes over the wire."""
        if self.chunks is None:
            return self.body
        frames = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in self.chunks]
        return b"".join([*frames, b"0\r\n\r\n"])
