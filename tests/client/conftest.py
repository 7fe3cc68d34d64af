"""Peers of the clients: scripted servers over plain sockets, for what the simulator does not do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from typing import NamedTuple

import pytest

from nemo_sdg.client import AsyncOpenAIClient

MESSAGES = [{"role": "user", "content": "Say something in French."}]
GOOD = {
    "id": "c-1",
    "model": "m-1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "So."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


class Request(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def answer(status=200, body=GOOD, headers=(), content_type="application/json"):
    """Return the bytes of an HTTP answer; a body that is no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(raw)}", f"Content-Type: {content_type}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + raw


class ScriptedServer:
    """Gives its answers in turn, the last one again and again; remembers the requests.

    An answer is bytes, or a function of a connection and a request. A connection is closed after an answer
    that has "Connection: close" or no length.
    """

    def __init__(self, answers, tls=None):
        self.answers = list(answers)
        self.requests = []
        self._tls = tls
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open = set()
        self.port = self._socket.getsockname()[1]
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        self._threads = []
        self._start(self._accept)

    def stop(self):
        """Close everything and wait for the threads."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        for thread in self._threads:
            thread.join()

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection):
        with self._lock:
            self._open.add(connection)
        try:
            if self._tls:
                plain, connection = connection, self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._open.discard(plain)
                    self._open.add(connection)
            with connection.makefile("rb") as file:
                while self._answer_one(connection, file):
                    pass
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _answer_one(self, connection, file):
        line = file.readline().decode().strip()
        if not line:
            return False
        headers = {}
        while header := file.readline().decode("latin-1").strip():
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        body = file.read(int(headers.get("content-length", 0)))
        request = Request(line, headers, body)
        with self._lock:
            self.requests.append(request)
            reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(reply):
            reply(connection, request)
            return False
        connection.sendall(reply)
        return b"Content-Length" in reply and b"Connection: close" not in reply


@pytest.fixture
def scripted():
    """Yield a function that starts a server with scripted answers; all end with the test."""
    running = []

    def start(*answers, tls=None):
        server = ScriptedServer(answers, tls)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def http():
    """Return the function that makes the bytes of an HTTP answer."""
    return answer


@pytest.fixture
def good():
    """Return the body of a good answer."""
    return json.loads(json.dumps(GOOD))


@pytest.fixture
def nowhere():
    """Yield a base URL at which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


@pytest.fixture
def deaf():
    """Yield a base URL whose host drops the packets that ask for a connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as bound, contextlib.ExitStack() as held:
        address = bound.getsockname()
        for _ in range(8):  # fill the queue that nobody empties
            filler = held.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}/v1"


@pytest.fixture
def make():
    """Return a function that makes an AsyncOpenAIClient with short delays."""

    def client(peer, **options):
        base_url = getattr(peer, "base_url", peer)
        return AsyncOpenAIClient(
            base_url=base_url, **{"api_key": "none", "base_delay": 0.001, "timeout": 20, **options}
        )

    return client


@pytest.fixture
def ask():
    """Return a function that asks once on an event loop of its own and closes the client."""

    def once(client, config=None, *, messages=MESSAGES, formatter=None):
        async def main():
            try:
                return await client.complete(messages, "m", formatter, config)
            finally:
                await client.close()

        return asyncio.run(main())

    return once


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """Have none of the variables that clients read."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.startswith(("OPENAI_", "AZURE_")) or upper.endswith("_PROXY") or upper == "NVIDIA_API_KEY":
            monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
