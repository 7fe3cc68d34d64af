from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from nemo_sdg.simulator import SimulatorThread


@dataclass
class Answer:
    status: int
    headers: Any
    raw: bytes
    json: Any = field(init=False)

    def __post_init__(self):
        try:
            self.json = json.loads(self.raw)
        except ValueError:
            self.json = None

    @property
    def text(self):
        return self.json["choices"][0]["message"]["content"]


class Client:
    """One keep-alive connection to a simulator."""

    def __init__(self, simulator: Any) -> None:
        self.simulator = simulator
        address = urlsplit(simulator.base_url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, headers: Any = None) -> Answer:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request(method, path, content, headers or {})
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def chat(self, prompt: str = "Hello", *, key: str | None = None, **fields: Any) -> Answer:
        body = {"model": "m", "messages": [{"role": "user", "content": prompt}]} | fields
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return self.ask("POST", "/v1/chat/completions", body, headers)


@contextmanager
def client_of(settings=None, **options):
    """Start a simulator with settings and yield a client of it."""
    with SimulatorThread(settings, **options) as simulator:
        client = Client(simulator)
        try:
            yield client
        finally:
            client.connection.close()


@pytest.fixture
def make_client():
    """Give the context manager that starts a simulator with settings and yields a client of it."""
    return client_of


@pytest.fixture
def client():
    """Give a client of a simulator without latency, limits or faults."""
    with client_of() as client:
        yield client


@pytest.fixture
def client_class():
    """Give the class of clients, for simulators that a test starts itself."""
    return Client
