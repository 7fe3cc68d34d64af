"""What servers do wrong, as scripts that a `ScriptedServer` plays over a plain socket."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import struct
from typing import Any, NamedTuple

from nemo_sdg.client.transport import LARGEST_ANSWER
from tests.client.conftest import GOOD, answer

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
CHUNKED = JSON + b"Transfer-Encoding: chunked\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
WHOLE = json.dumps(GOOD).encode()
SIZED = JSON + b"Content-Length: %d\r\n\r\n" % len(WHOLE)
PAGE = b"<html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


class Pause(NamedTuple):
    """Do nothing for so many seconds, or until the client leaves."""

    seconds: float | None = None


class Forever(NamedTuple):
    """Send a piece again and again until the client leaves, so many seconds apart."""

    piece: bytes
    seconds: float = 0.0


class Reset:
    """Reset the connection."""


HANG, RESET = Pause(), Reset()


class Script:
    """An answer of a `ScriptedServer`: steps one after the other, then the connection is closed."""

    def __init__(self, *steps: bytes | Pause | Forever | Reset) -> None:
        self.steps = steps
        self.sent = 0

    def __call__(self, connection: socket.socket, _request: Any) -> None:
        """Play the steps; a client that leaves ends them by an OSError, which the server expects."""
        for step in self.steps:
            if isinstance(step, bytes):
                self._send(connection, step)
            elif isinstance(step, Forever):
                for _ in itertools.count():
                    self._send(connection, step.piece)
                    if step.seconds:
                        wait(connection, step.seconds)
            elif isinstance(step, Pause):
                wait(connection, step.seconds)
            else:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    def _send(self, connection: socket.socket, data: bytes) -> None:
        connection.sendall(data)
        self.sent += len(data)


def wait(connection: socket.socket, seconds: float | None) -> None:
    """Wait for so many seconds; raises `ConnectionError` when the peer leaves before."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            continue
    except TimeoutError:
        connection.settimeout(None)
        return
    raise ConnectionError


def whole(status: int = 200, body: Any = GOOD, headers: Any = (), **more: Any) -> bytes:
    """Return the bytes of an answer after which the connection is closed, as it is after a script."""
    return answer(status, body, [*headers, "Connection: close"], **more)


def changed(**fields: Any) -> bytes:
    """Return a good answer with fields of the body changed."""
    return whole(body={**GOOD, **fields})


def choice(**fields: Any) -> bytes:
    """Return a good answer with fields of its choice changed."""
    return changed(choices=[{**GOOD["choices"][0], **fields}])


def events(*chunks: Any) -> bytes:
    """Return a stream of `chunks`, without its end."""
    return STREAM + b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


PIECE = {"id": "c-1", "model": "m-1", "choices": [{"index": 0, "delta": {"content": "So"}}]}

SLOW = {
    "nothing": (HANG,),
    "half a header": (b"HTTP/1.1 200 OK\r\nContent-Ty", HANG),
    "a header a tenth of a second": (b"HTTP/1.1 200 OK\r\n", Forever(b"X-So: so\r\n", 0.1)),
    "headers and no body": (SIZED, HANG),
    "half a body": (SIZED, WHOLE[:40], HANG),
    "a byte a tenth of a second": (SIZED, WHOLE[:1], Forever(b" ", 0.1)),
    "half a chunk": (CHUNKED + b"20\r\n" + WHOLE[:16], HANG),
    "a chunk and no more": (CHUNKED + b"10\r\n" + WHOLE[:16] + b"\r\n", HANG),
    "a stream that stops": (events(PIECE), HANG),
    "a stream of comments": (STREAM, Forever(b": keep-alive\n\n", 0.05)),
    "100 Continue for ever": (Forever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),),
}
"""Scripts that never come to an end: `timeout` has to."""

ENDLESS = {
    "a body": (JSON + b"\r\n", Forever(b" " * 2**20)),
    "chunks": (CHUNKED, Forever(b"100000\r\n" + b" " * 2**20 + b"\r\n")),
    "a stream": (STREAM, Forever(b": keep-alive\n\n" * 2**16)),
    "what it says is 100 MB": (JSON + b"Content-Length: 100000000\r\n\r\n", Forever(b" " * 2**20)),
    "a compressed body": (
        whole(
            body=gzip.compress(b" " * (LARGEST_ANSWER * 2), compresslevel=9),
            headers=["Content-Encoding: gzip"],
        ),
    ),
}
"""Scripts that send more than anybody can hold, as fast as they can."""

BROKEN = {
    "closed at once": (),
    "reset at once": (RESET,),
    "closed amid the header": (b"HTTP/1.1 200 OK\r\nContent-Ty",),
    "closed amid the body": (SIZED, WHOLE[:40]),
    "reset amid the body": (SIZED, WHOLE[:40], Pause(0.02), RESET),
    "closed amid a chunk": (CHUNKED + b"%x\r\n" % len(WHOLE) + WHOLE[:40],),
    "closed before the last chunk": (CHUNKED + b"%x\r\n" % len(WHOLE) + WHOLE + b"\r\n",),
    "a chunk whose size is none": (CHUNKED + b"so\r\n" + WHOLE,),
    "more said than sent": (JSON + b"Content-Length: %d\r\n\r\n" % (len(WHOLE) + 9) + WHOLE,),
    "less said than sent": (JSON + b"Content-Length: %d\r\n\r\n" % (len(WHOLE) - 9) + WHOLE,),
    "a length that is none": (JSON + b"Content-Length: much\r\n\r\n" + WHOLE,),
    "a negative length": (JSON + b"Content-Length: -1\r\n\r\n" + WHOLE,),
    "two lengths": (JSON + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + WHOLE,),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n",),
    "no HTTP at length": (b"x" * 9000 + b"\r\n\r\n",),
    "a header without end": (b"HTTP/1.1 200 OK\r\nX-So: ", Forever(b"so" * 2**15)),
    "headers without end": (b"HTTP/1.1 200 OK\r\n", Forever(b"X-So: so\r\n" * 2**12)),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: so\r\nConnection: upgrade\r\n\r\n",),
    "packed, it says": (whole(headers=["Content-Encoding: gzip"]),),
    "half of what is packed": (whole(body=gzip.compress(WHOLE)[:40], headers=["Content-Encoding: gzip"]),),
    "no content": (b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",),
    "an empty body": (whole(body=b""),),
    "a web page": (whole(body=PAGE, content_type="text/html"),),
    "a web page that says it is JSON": (whole(body=PAGE),),
    "half of the JSON": (whole(body=WHOLE[:40]),),
    "two JSON texts": (whole(body=WHOLE + WHOLE),),
    "null": (whole(body=b"null"),),
    "a list": (whole(body=b"[]"),),
    "nested without end": (whole(body=b"[" * 100_000),),
    "no UTF-8": (whole(body=WHOLE.replace(b"So.", b"\xff\xfe")),),
    "no choices": (changed(choices=[]),),
    "choices that are null": (changed(choices=None),),
    "choices that are an object": (changed(choices={"0": GOOD["choices"][0]}),),
    "a choice that is a text": (changed(choices=["So."]),),
    "a choice of nothing": (changed(choices=[{}]),),
    "a message that is a text": (choice(message="So."),),
    "content that is a number": (choice(message={"content": 42}),),
    "a stream cut off": (events(PIECE),),
    "an empty stream": (STREAM,),
    "a stream of no JSON": (STREAM + b"data: {so\n\n",),
    "a stream of texts": (events("So."),),
    "an error with success": (whole(body={"error": {"message": "Engine died.", "type": "x", "code": None}}),),
    "an error that is a text": (whole(body={"error": "Engine died."}),),
    "an error amid a stream": (events(PIECE, {"error": {"message": "Engine died.", "code": 500}}),),
}
"""Scripts of answers that are none: the next attempt may have a good one."""

_LONE = WHOLE.replace(b"So.", b"So\\ud800.")
_HALVES = [b"\\ud83d", b"\\ude00"]
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
_END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
NONE = (0, 0)

ODD = {
    "HTTP/1.0": ((b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + WHOLE,), "So.", (3, 2)),
    "100 Continue before it": ((b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED + WHOLE,), "So.", (3, 2)),
    "103 Early Hints before it": ((b"HTTP/1.1 103 -\r\nLink: </so>\r\n\r\n" + SIZED + WHOLE,), "So.", (3, 2)),
    "byte by byte": (tuple(bytes([byte]) for byte in SIZED + WHOLE), "So.", (3, 2)),
    "packed in a way that is none": ((whole(headers=["Content-Encoding: so"]),), "So.", (3, 2)),
    "no type": ((b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + WHOLE,), "So.", (3, 2)),
    "status 201": ((whole(201),), "So.", (3, 2)),
    "half a pair of surrogates": ((whole(body=_LONE),), "So\N{REPLACEMENT CHARACTER}.", (3, 2)),
    "a pair in two events": (
        (STREAM + b"".join(_EVENT % half for half in _HALVES) + _END,),
        "\N{GRINNING FACE}",
        NONE,
    ),
    "NUL": ((whole(body=WHOLE.replace(b"So.", b"So\\u0000.")),), "So\0.", (3, 2)),
    "NUL as it is": ((whole(body=WHOLE.replace(b"So.", b"So\0.")),), "So\0.", (3, 2)),
    "NaN": (
        (whole(body=WHOLE.replace(b'"finish_reason"', b'"logprobs": NaN, "finish_reason"')),),
        "So.",
        (3, 2),
    ),
    "no finish_reason": ((changed(choices=[{"message": {"content": "So."}}]),), "So.", (3, 2)),
    "a model that is null": ((changed(model=None, id=7),), "So.", (3, 2)),
    "null content": ((choice(message={"content": None}),), "", (3, 2)),
    "usage in texts": ((changed(usage={"prompt_tokens": "3", "completion_tokens": "2"}),), "So.", (3, 2)),
    "usage in floats": ((changed(usage={"prompt_tokens": 3.0, "completion_tokens": 2.0}),), "So.", (3, 2)),
    "negative usage": ((changed(usage={"prompt_tokens": -3, "completion_tokens": -2}),), "So.", NONE),
    "usage beyond all": (
        (changed(usage={"prompt_tokens": 10**30, "completion_tokens": 1e300}),),
        "So.",
        NONE,
    ),
    "usage of other types": (
        (changed(usage={"prompt_tokens": True, "completion_tokens": [2]}),),
        "So.",
        NONE,
    ),
    "usage that is a text": ((changed(usage="much"),), "So.", NONE),
    "no usage": ((changed(usage=None),), "So.", NONE),
}
"""Scripts of answers that are whole all the same, each with its text, prompt and completion tokens."""
