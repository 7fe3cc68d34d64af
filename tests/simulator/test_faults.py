from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

from nemo_sdg.simulator import Faults, Latency, SimulatorSettings
from nemo_sdg.simulator.faults import FaultDice
from nemo_sdg.simulator.settings import SHARES


def with_fault(name, **others):
    """Return settings under which every request meets one fault."""
    return SimulatorSettings(faults=Faults(**{name: 1.0}, **others))


def test_shares_are_met_and_reproducible():
    """Each fault comes as often as its share says, and the same seed gives the same sequence."""
    faults = Faults(reset=0.1, hang=0.3)
    throws = [[dice.throw() for _ in range(10_000)] for dice in (FaultDice(faults, 1), FaultDice(faults, 1))]

    assert throws[0] == throws[1]
    assert throws[0].count("reset") == pytest.approx(1_000, rel=0.15)
    assert throws[0].count("hang") == pytest.approx(3_000, rel=0.1)
    assert throws[0].count(None) == pytest.approx(6_000, rel=0.1)
    other = FaultDice(faults, 2)
    assert throws[0] != [other.throw() for _ in range(10_000)]


@pytest.mark.parametrize("name", SHARES)
def test_certain_faults_always_happen(name):
    """A share of 1 leaves no request untouched."""
    dice = FaultDice(Faults(**{name: 1.0}), 0)

    assert {dice.throw() for _ in range(1_000)} == {name}


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("error_500", 500, None),
        ("error_503", 503, None),
        ("error_529", 529, None),
        ("quota_exhausted", 429, "insufficient_quota"),
    ],
)
def test_errors_have_status_and_shape(make_client, name, status, code):
    """Faulty statuses come in OpenAI's shape and are not paid."""
    with make_client(with_fault(name)) as client:
        answer = client.chat()
        figures = client.simulator.stats()

    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert figures["by_status"] == {str(status): 1}
    assert figures["by_fault"] == {name: 1}
    assert figures["paid"] == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "name", ["truncated_json", "html_page", "empty_choices", "wrong_types", "invalid_utf8"]
)
def test_broken_answers_are_broken(make_client, name, stream):
    """Answers with status 200 are broken in the way that the fault's name says, streamed or not."""
    with make_client(with_fault(name)) as client:
        answer = client.chat(stream=stream)
        assert client.simulator.stats()["paid"] == 0

    assert answer.status == 200
    if name == "truncated_json":
        assert (
            not answer.raw.rstrip().endswith((b"}", b"[DONE]")) if not stream else b"[DONE]" not in answer.raw
        )
    elif name == "html_page":
        assert answer.headers["content-type"].startswith("text/html")
    elif name == "empty_choices":
        assert answer.json["choices"] == []
    elif name == "wrong_types":
        assert answer.json["choices"][0]["message"]["content"] == 42
    else:
        with pytest.raises(UnicodeDecodeError):
            answer.raw.decode()


def test_filtered_answers_have_no_content(make_client):
    """Null content comes with the finish reason that content filters give, and is paid."""
    with make_client(with_fault("null_content")) as client:
        answer = client.chat()
        assert client.simulator.stats()["paid"] == 1

    assert answer.json["choices"][0]["message"]["content"] is None
    assert answer.json["choices"][0]["finish_reason"] == "content_filter"


def receive(connection, received):
    """Append what arrives until an orderly end."""
    while data := connection.recv(65536):
        received += data


@pytest.mark.parametrize("name", ["reset", "reset_mid_body"])
def test_resets_before_and_amid_the_answer(make_client, name):
    """The connection is reset, not just closed, before a byte came or when half of the body has."""
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    with make_client(with_fault(name)) as client:
        address = urlsplit(client.simulator.base_url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall(request + body)
            received = bytearray()
            with pytest.raises(ConnectionResetError):
                receive(connection, received)
        figures = client.simulator.stats()

    assert figures["by_fault"] == {name: 1}
    assert figures["concurrency"]["now"] == figures["paid"] == 0
    if name == "reset":
        assert received == b""
    else:
        head, _, half = received.partition(b"\r\n\r\n")
        assert len(half) == int(head.partition(b"content-length: ")[2].split()[0]) // 2


def test_hanging_requests_end_with_the_client(make_client):
    """A hanging request counts as open until its client leaves, then as a fault."""
    with make_client(with_fault("hang")) as client:
        client.connection.timeout = 0.2
        with pytest.raises(TimeoutError):
            client.chat()
        assert client.simulator.stats()["concurrency"]["now"] == 1
        client.connection.close()
        client.connection.timeout = 30
        client.ask("GET", "/health")
        figures = client.simulator.stats()

    assert figures["concurrency"]["now"] == 0
    assert figures["by_fault"] == {"hang": 1}


@pytest.mark.parametrize("stream", [False, True])
def test_slow_answers_are_whole(make_client, stream):
    """A dripping answer takes its time, is right in the end and is paid."""
    with make_client(with_fault("slow_drip", drip_seconds=0.3)) as client:
        answer = client.chat(stream=stream)
        figures = client.simulator.stats()

    assert answer.raw.endswith(b"[DONE]\n\n") if stream else answer.text
    assert figures["paid"] == 1
    assert figures["last_response_time"] - figures["first_request_time"] > 0.2


def test_an_abandoned_request_is_counted(make_client):
    """A client that leaves before its answer is due is seen to leave, and nothing is paid."""
    with make_client(SimulatorSettings(latency=Latency.fixed(20))) as client:
        client.connection.timeout = 0.2
        with pytest.raises(TimeoutError):
            client.chat()
        client.connection.close()
        client.connection.timeout = 30
        client.ask("GET", "/health")
        figures = client.simulator.stats()

    assert (figures["abandoned"], figures["paid"], figures["concurrency"]["now"]) == (1, 0, 0)
