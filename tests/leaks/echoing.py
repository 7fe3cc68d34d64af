"""An endpoint, and a proxy, that repeats every credential it is sent, in all the ways that servers fail."""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import quote, unquote_plus, urlsplit

_ORDINARY = {
    "host",
    "content-type",
    "accept",
    "accept-encoding",
    "content-length",
    "user-agent",
    "connection",
}
_JSON = "application/json"
_SLOW = {"stopped": 0.2, "aborted": 3.0}  # seconds


class EchoingServer:
    """Serves `url(mode)` on 127.0.0.1; each mode is a way to answer. Also a proxy for itself."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.seen = set()  # type: ignore[attr-defined]
        self._server.asked = Counter()  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def seen(self) -> set[str]:
        """Credentials that arrived."""
        seen: set[str] = self._server.seen  # type: ignore[attr-defined]
        return seen

    def asked(self, mode: str) -> int:
        """Return how many completions were asked for in a mode."""
        asked: Counter[str] = self._server.asked  # type: ignore[attr-defined]
        return asked[mode]

    def url(self, mode: str) -> str:
        """Return the base URL at which the server answers in a mode."""
        return f"http://{self.place}/{mode}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _error(message: str, code: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", "code": code}})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that leave."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    numbers = itertools.count()

    def do_GET(self) -> None:
        mode = urlsplit(self.path).path.split("/")[1]
        if mode in ("refused", "redirected", "proxied"):
            self._fail(mode)
        else:
            self._json(200, {"data": [{"id": "other" if mode == "unknown" else "m"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        mode = urlsplit(self.path).path.split("/")[1]
        self.server.asked[mode] += 1  # type: ignore[attr-defined]
        if mode in _SLOW:
            time.sleep(_SLOW[mode])
        if mode == "well" or mode in _SLOW:
            message = {"content": "Question: Why?\nAnswer: Because."}
            self._json(200, {"choices": [{"message": message, "finish_reason": "stop"}], "model": "m"})
        else:
            self._fail(mode)

    def _fail(self, mode: str) -> None:
        said = " ".join(self._credentials())
        text = f"not good: {said}"
        # Wherever a message is cut off, the cut goes through a key now and then.
        filler = "." * (next(self.numbers) * 13 % 310)
        target = f"http://user:{quote(self._credentials()[0], safe='')}@{self.headers['Host']}/elsewhere"
        answers = {
            "refused": (401, _JSON, _error(text, "invalid_api_key")),
            "revoked": (401, _JSON, _error(text, "invalid_api_key")),
            "unknown": (404, _JSON, _error(text, "model_not_found")),
            "failing": (500, _JSON, _error(text)),
            "dumping": (500, "text/plain", filler + text),
            "escaping": (500, "text/plain", json.dumps(filler + text).replace("/", "\\/")),
            "quoting": (400, _JSON, _error(f"not good: {quote(said, safe='')}")),
            "web": (200, "text/html", f"<html>{filler}{text}</html>"),
            "odd": (200, _JSON, json.dumps({"filler": filler, "said": said})),
            "wrong": (200, _JSON, json.dumps({"error": {"filler": filler, "message": text}})),
            "streaming": (200, "text/event-stream", f"data: {filler}{text}\n\n"),
            "typed": (200, f"text/{said}", filler),
            "redirected": (307, "text/plain", ""),
            "proxied": (407, "text/plain", text),
        }
        nowhere = (404, _JSON, _error(f"no such place {self.path}: {said}"))
        self._send(*answers.get(mode, nowhere), **({"Location": target} if mode == "redirected" else {}))

    def _credentials(self) -> list[str]:
        """Return all that may be a credential in the request, each as it came and decoded."""
        found = []
        for name, value in self.headers.items():
            if name.lower() in _ORDINARY:
                continue
            found.append(value.rpartition(" ")[2])
            if value.startswith("Basic "):
                found.append(base64.b64decode(found[-1]).decode())
        query = urlsplit(self.path).query
        if query:
            found += [query, unquote_plus(query)]
        self.server.seen.update(found)  # type: ignore[attr-defined]
        return found or ["nothing"]

    def _json(self, status: int, content: object) -> None:
        self._send(status, _JSON, json.dumps(content))

    def _send(self, status: int, kind: str, text: str, **headers: str) -> None:
        body = text.encode()
        said = self._credentials()
        self.send_response(status, f"Because-{said[-1]}" if status >= 400 else None)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", said[0])
        self.send_header("WWW-Authenticate", f"Bearer {said[0]}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
