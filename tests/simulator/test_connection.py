from __future__ import annotations

import json
import socket
from contextlib import closing
from urllib.parse import urlsplit

import httptools
import pytest

from nemo_sdg.simulator import Latency, SimulatorSettings


class Answers:
    """Reads answers from a socket."""

    def __init__(self, connection):
        self.connection = connection
        self.bodies, self.statuses = [], []
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self):
        self.bodies.append(b"")

    def on_body(self, body):
        self.bodies[-1] += body

    def on_message_complete(self):
        self.statuses.append(self.parser.get_status_code())

    def read(self, count):
        """Read until there are so many answers, or to the end."""
        while len(self.statuses) < count:
            data = self.connection.recv(65536)
            if not data:
                break
            self.parser.feed_data(data)
        return self.statuses


def connect(client):
    """Open a socket to the client's simulator."""
    address = urlsplit(client.simulator.base_url)
    return closing(socket.create_connection((address.hostname, address.port), timeout=20))


def chat(seed, content="Hi", extra=b""):
    """Return the bytes of a chat request."""
    body = json.dumps(
        {"model": "m", "seed": seed, "messages": [{"role": "user", "content": content}]}
    ).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (
        extra,
        len(body),
        body,
    )


@pytest.mark.parametrize("latency", [Latency(), Latency.lognormal(0.002, 1.5)], ids=["none", "some"])
def test_pipelined_answers_come_in_order(make_client, latency):
    """Requests sent without waiting are answered one by one, in their order, however many they are."""
    count = 150
    with make_client(SimulatorSettings(latency=latency)) as client:
        # Long enough altogether that the server has to stop reading for a while.
        prompt = "Hi" + " there" * 1_000
        expected = [client.chat(prompt, seed=seed).text for seed in range(count)]
        client.simulator.reset_stats()
        with connect(client) as connection:
            connection.sendall(b"".join(chat(seed, prompt) for seed in range(count)))
            answers = Answers(connection)
            answers.read(count)
        figures = client.simulator.stats()

    assert answers.statuses == [200] * count
    assert [json.loads(body)["choices"][0]["message"]["content"] for body in answers.bodies] == expected
    assert figures["concurrency"]["peak"] == 1


def test_requests_may_arrive_byte_by_byte(client):
    """Where the network cuts a request does not matter."""
    with connect(client) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in chat(1):
            connection.sendall(bytes([byte]))

        assert Answers(connection).read(1) == [200]


def test_bodies_of_several_megabytes(client):
    """A prompt of 8 MB is read and counted."""
    answer = client.chat("x" * 8_000_000)

    assert answer.status == 200
    assert answer.json["usage"]["prompt_tokens"] == 2_000_000


def test_chunked_bodies(client):
    """A request body in chunked encoding is put together."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7)
    )
    with connect(client) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
            + chunks
            + b"0\r\n\r\n"
        )

        assert Answers(connection).read(1) == [200]


def test_careful_clients_are_told_to_go_on(client):
    """A client that expects 100 Continue gets it before it sends the body."""
    head, _, body = chat(1, extra=b"expect: 100-continue\r\n").partition(b"\r\n\r\n")
    with connect(client) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)

        assert Answers(connection).read(1) == [200]


def test_connection_close_is_obeyed(client):
    """After a request that says so the connection ends, and what came behind it is not answered."""
    with connect(client) as connection:
        connection.sendall(chat(1, extra=b"connection: close\r\n") + chat(2))
        answers = Answers(connection)

        assert answers.read(2) == [200]
    assert client.simulator.stats()["requests"] == 1


def test_nonsense_is_400_and_the_end(make_client):
    """What is not HTTP is answered with 400, after everything before it, and the connection ends."""
    with make_client(SimulatorSettings(latency=Latency.fixed(0.05))) as client, connect(client) as connection:
        connection.sendall(chat(1) + chat(2) + b"what is this\r\n\r\n")

        assert Answers(connection).read(4) == [200, 200, 400]


def test_too_large_bodies_are_413(client, monkeypatch):
    """A body above the cap is refused, and the connection can go on."""
    monkeypatch.setattr("nemo_sdg.simulator.reader.MAX_BODY_BYTES", 1_000)

    assert client.chat("x" * 2_000).status == 413
    assert client.chat("x").status == 200


def test_head_does_not_disturb_what_follows(client):
    """An answer to HEAD is the last of its connection, so that its body misleads nobody."""
    answer = client.ask("HEAD", "/v1/models")
    assert (answer.status, answer.headers["connection"]) == (405, "close")

    assert client.chat().status == 200


def test_upgrades_are_not_made(client):
    """A request to change the protocol is answered as an ordinary one, and the connection ends."""
    with connect(client) as connection:
        connection.sendall(
            b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            b"\x81\x05hello"
        )

        assert Answers(connection).read(2) == [200]
