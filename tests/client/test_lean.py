from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gzip
import json
import socket
import ssl
import threading

import pytest
import trustme

from nemo_sdg.client import lean
from nemo_sdg.client.transport import LARGEST_ANSWER
from nemo_sdg.errors import (
    AuthenticationError,
    BadAnswerError,
    ConfigError,
    RequestTimeoutError,
    UnreachableError,
)

MESSAGES = [{"role": "user", "content": "Hello"}]
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def authority():
    """Make a certificate authority."""
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    """Have the authority's certificate in SSL_CERT_FILE."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.fixture
def tls(authority):
    """Return a server's TLS context with a certificate for 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def pump(source, sink):
    """Copy bytes until one side closes."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def tunnel(connection, request):
    """Do what a proxy does at CONNECT."""
    host, _, port = request.line.split()[1].partition(":")
    with socket.create_connection((host, int(port))) as onward:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=pump, args=(onward, connection), daemon=True)
        back.start()
        pump(connection, onward)
        back.join()


# --- answers that no simulator gives


def test_an_answer_without_end(scripted, make, ask):
    """An endless answer without a length is cut off at LARGEST_ANSWER, not kept in memory."""
    sent = 0

    def endless(connection, _):
        nonlocal sent
        connection.sendall(CHUNKED)
        piece = b"100000\r\n" + b" " * 2**20 + b"\r\n"
        try:
            while sent < 3 * LARGEST_ANSWER:
                connection.sendall(piece)
                sent += 2**20
        except OSError:
            pass

    with pytest.raises(BadAnswerError, match="larger than"):
        ask(make(scripted(endless), max_retries=0))
    assert sent < 2 * LARGEST_ANSWER


def test_an_answer_that_says_it_is_too_large(scripted, make, ask):
    """An answer whose length is beyond LARGEST_ANSWER is refused as well."""

    def large(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * LARGEST_ANSWER))
        try:
            for _ in range(2 * LARGEST_ANSWER // 2**20):
                connection.sendall(b" " * 2**20)
        except OSError:
            pass

    with pytest.raises(BadAnswerError, match="larger than"):
        ask(make(scripted(large), max_retries=0))


def test_an_answer_that_unpacks_to_too_much(scripted, http, make, ask):
    """A small compressed answer that unpacks to a huge one is refused."""
    packed = gzip.compress(b" " * (LARGEST_ANSWER + 2**20), compresslevel=1)
    with pytest.raises(BadAnswerError, match="larger than"):
        ask(make(scripted(http(body=packed, headers=["Content-Encoding: gzip"])), max_retries=0))


def test_a_compressed_answer(scripted, http, good, make, ask):
    """A compressed answer is read."""
    packed = gzip.compress(json.dumps(good).encode())

    assert ask(make(scripted(http(body=packed, headers=["Content-Encoding: gzip"])))).texts == ["So."]


def test_chunked_and_unsized_answers(scripted, good, make, ask):
    """Answers without a length are read, chunked or up to the connection's end."""
    body = json.dumps(good).encode()
    chunked = CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    unsized = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body

    for reply in (chunked, unsized):
        assert ask(make(scripted(reply), max_retries=0)).texts == ["So."]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_every_redirect_is_fatal(scripted, http, make, ask, status):
    """Each kind of redirect ends the job at the first request, also one to the same server for ever."""
    server = scripted(http(status, b"", ["Location: /v2/chat/completions?so"]))
    with pytest.raises(UnreachableError, match="to /v2: use that as the path of base_url") as caught:
        ask(make(server))

    assert caught.value.attempts == len(server.requests) == 1


def test_redirects_are_not_followed(scripted, http, make, ask):
    """The key does not follow a redirect to another server."""
    other = scripted(http())
    server = scripted(http(307, b"", [f"Location: {other.base_url}/chat/completions"]))
    with pytest.raises(UnreachableError, match=f"redirects .* to {other.base_url}: use that as base_url"):
        ask(make(server))

    assert len(server.requests) == 1
    assert not other.requests


@pytest.mark.parametrize("reply", [b"SSH-2.0-OpenSSH\r\n\r\n", b"\0\1\2\r\n\r\n", b"HTTP/1.1 x\r\n\r\n"])
def test_no_http(scripted, make, ask, reply):
    """What is no HTTP is a bad answer, tried again."""
    server = scripted(reply)
    with pytest.raises(BadAnswerError, match="is not HTTP"):
        ask(make(server, max_retries=1))

    assert len(server.requests) == 2


def test_time_out(simulator, make, ask):
    """No whole answer within the timeout is said so, with the remedy."""
    from nemo_sdg.simulator import Faults

    client = make(simulator(faults=Faults(slow_drip=1, drip_seconds=30)), timeout=0.2, max_retries=0)
    with pytest.raises(RequestTimeoutError, match=r"within 0.2 s: raise timeout"):
        ask(client)


def test_a_host_that_drops_packets(make, ask, deaf, monkeypatch):
    """A connection has a time of its own, far less than `timeout`, and its lack is no slow answer."""
    monkeypatch.setattr(lean, "_TO_CONNECT", 0.2)
    with pytest.raises(UnreachableError, match=r"no connection to http.* within 0.2 s .*check base_url"):
        ask(make(deaf, timeout=120, max_retries=1))


def test_a_short_timeout_bounds_the_connection_too(make, ask, deaf):
    """With a timeout below the time for a connection it is still said that there was none."""
    with pytest.raises(UnreachableError, match=r"no connection to http.* within 0.27 s"):
        ask(make(deaf, timeout=0.3, max_retries=0))


def test_connections_are_kept(simulator, make):
    """Requests one after the other share one connection."""
    server = simulator()

    async def main():
        client = make(server)
        for _ in range(5):
            await client.query_model(MESSAGES, "m")
        await client.close()
        await client.close()

    asyncio.run(main())
    assert server.stats()["requests"] == 5
    assert server.stats()["connections"] <= 1


# --- TLS


def test_certificate_that_is_not_trusted(scripted, http, tls, make, ask):
    """An untrusted certificate is fatal at once and names SSL_CERT_FILE; the request is not sent."""
    server = scripted(http(), tls=tls)
    with pytest.raises(UnreachableError, match=r"is not trusted .* SSL_CERT_FILE") as caught:
        ask(make(server))

    assert caught.value.attempts == 1
    assert not server.requests


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_host(authority, scripted, http, make, ask):
    """A certificate for another name is fatal at once, and the remedy is another name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    with pytest.raises(UnreachableError, match=r"is for another host \(.*: give the name .* in base_url"):
        ask(make(scripted(http(), tls=context)))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("days", "said"),
    [((-2, -1), r"has expired \(.*: have the server's renewed"), ((1, 2), "is not valid yet .*the clock")],
)
def test_certificate_out_of_its_time(authority, scripted, http, make, ask, days, said):
    """A certificate that has expired, or is not valid yet, is fatal at once, and SSL_CERT_FILE no remedy."""
    now = dt.datetime.now(dt.UTC)
    begin, end = (now + dt.timedelta(days=day) for day in days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_before=begin, not_after=end).configure_cert(context)
    server = scripted(http(), tls=context)
    with pytest.raises(UnreachableError, match=said) as caught:
        ask(make(server))

    assert caught.value.attempts == 1
    assert "SSL_CERT_FILE" not in str(caught.value)


@pytest.mark.usefixtures("trusted")
def test_certificate_named_in_the_environment(scripted, http, tls, make, ask):
    """With the authority in SSL_CERT_FILE, set after import, requests go through."""
    assert ask(make(scripted(http(), tls=tls))).texts == ["So."]


def test_tls_to_a_plain_port(simulator, make, ask):
    """Https to a server that speaks plain HTTP is no connection, and it is said that TLS is what fails."""
    url = simulator().base_url.replace("http:", "https:")
    with pytest.raises(UnreachableError, match=r"TLS fails .*speaks https.* check base_url"):
        ask(make(url, max_retries=1))


# --- proxies


@pytest.mark.usefixtures("trusted")
def test_proxy_for_https(scripted, http, tls, make, ask, monkeypatch):
    """HTTPS_PROXY is asked for a tunnel, with its password, and does not see the key."""
    server, proxy = scripted(http(), tls=tls), scripted(tunnel)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@127.0.0.1:{proxy.port}")

    assert ask(make(server, api_key="sk-secret")).texts == ["So."]
    assert proxy.requests[0].line == f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"
    said = base64.b64decode(proxy.requests[0].headers["proxy-authorization"].split()[1])
    assert said == b"me:hunter2"
    assert "sk-secret" not in str(proxy.requests)
    assert server.requests[0].headers["authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_proxy_for_http(scripted, http, make, ask, monkeypatch, scheme):
    """HTTP_PROXY, with or without its scheme, gets the whole URL."""
    proxy = scripted(http())
    monkeypatch.setenv("HTTP_PROXY", f"{scheme}127.0.0.1:{proxy.port}")

    assert ask(make("http://inference.invalid/v1")).texts == ["So."]
    assert proxy.requests[0].line.startswith("POST http://inference.invalid/v1/chat/completions ")


@pytest.mark.parametrize("exception", ["127.0.0.1", "127.0.0.1:{port}", "*", "x.example,127.0.0.1"])
def test_no_proxy(scripted, http, make, ask, monkeypatch, exception):
    """NO_PROXY, with or without a port, is honoured."""
    server, proxy = scripted(http()), scripted(http(500))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", exception.format(port=server.port))

    assert ask(make(server)).texts == ["So."]
    assert not proxy.requests


@pytest.mark.parametrize(
    ("scheme", "status", "kind", "said"),
    [
        ("http", 407, AuthenticationError, "proxy wants a user and password"),
        ("https", 407, AuthenticationError, "proxy wants a user and password"),
        ("https", 403, UnreachableError, "proxy makes no connection"),
        ("https", 502, UnreachableError, "proxy makes no connection"),
    ],
)
def test_proxy_that_refuses(scripted, http, make, ask, monkeypatch, scheme, status, kind, said):
    """A proxy's refusal is told as the proxy's, never as the server's; its password is not shown."""
    proxy = scripted(http(status, b"", ["Connection: close"]))
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:hunter2@127.0.0.1:{proxy.port}")
    with pytest.raises(kind, match=said) as caught:
        ask(make(f"{scheme}://inference.invalid/v1", max_retries=0))

    assert "hunter2" not in str(caught.value)


def test_proxy_that_is_not_there(make, ask, monkeypatch, nowhere):
    """A proxy at which nothing listens is no connection; its password is not shown."""
    monkeypatch.setenv("HTTP_PROXY", nowhere.replace("http://", "http://me:hunter2@").removesuffix("/v1"))
    with pytest.raises(UnreachableError, match="through a proxy") as caught:
        ask(make("http://inference.invalid/v1", max_retries=0))

    assert "hunter2" not in str(caught.value)


def test_proxy_of_another_kind(make, ask, monkeypatch):
    """A kind of proxy that cannot be used is refused by the name of its variable."""
    monkeypatch.setenv("HTTP_PROXY", "socks5://me:hunter2@127.0.0.1:1080")
    with pytest.raises(ConfigError, match="HTTP_PROXY names a proxy of the kind socks5") as caught:
        ask(make("http://inference.invalid/v1"))

    assert "hunter2" not in str(caught.value)
