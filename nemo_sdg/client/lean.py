"""The default transport: aiohttp straight to the endpoint."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import socket
import ssl
import urllib.request
import weakref
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from nemo_sdg.client.certificates import certificate_error
from nemo_sdg.client.endpoint import without
from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.client.transport import LARGEST_ANSWER, HTTPAnswer, too_large
from nemo_sdg.errors import (
    BadAnswerError,
    ConfigError,
    ConnectionFailedError,
    NoConnectionError,
    RequestError,
    RequestTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from nemo_sdg.client.endpoint import Endpoint
    from nemo_sdg.client.payload import Payload

# Seconds: many servers close an idle connection after 5, and a request in that moment is lost.
_KEEP_IDLE = 4.0
_LARGE = 2**20  # bytes of a body that is sent in pieces
_TO_CONNECT = 10.0  # seconds: a host that drops packets is known long before `timeout`


class LeanTransport:
    """Carries requests with as little CPU as aiohttp allows; one connection pool for each event loop.

    `timeout` is in seconds for one attempt, connection included; a connection alone gets 10 at most. Proxies
    and certificate authorities are taken from the environment as it is when an event loop sends its first
    request.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._to_connect = min(_TO_CONNECT, 0.9 * timeout)  # before `timeout`, to tell one from the other
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()
        self._urls: dict[str, URL] = {}
        self._of_proxy: tuple[str, ...] = ()  # what of its URL is not to be shown

    async def post(self, payload: Payload) -> HTTPAnswer:
        """Send `payload`; see `Transport.post`."""
        return await self._send("POST", payload.path, payload.encoded(), payload.headers, payload.query)

    async def get(self, path: str) -> HTTPAnswer:
        """Ask for `path`; see `Transport.get`."""
        return await self._send("GET", path, None, None, None)

    def redact(self, text: str) -> str:
        """Return `text` without the credential and the proxy's; see `Transport.redact`."""
        return without(self._endpoint.redact(text), *self._of_proxy)

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.closer.aclose()

    async def _send(self, method: str, path: str, body: bytes | None, headers: Any, query: Any) -> HTTPAnswer:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self._endpoint.base_url + path).update_query(self._endpoint.query)
        if query:
            url = url.update_query(query)
        pool = self._pools.get(asyncio.get_running_loop()) or await self._open()
        try:
            async with pool.session.request(
                method, url, data=_sendable(body), headers=headers, allow_redirects=False, proxy=pool.proxy
            ) as response:
                length = response.content_length
                if length is None or "Content-Encoding" in response.headers:  # what it grows to is not known
                    answer = await _read_bounded(response)
                elif length <= LARGEST_ANSWER:
                    answer = await response.read()
                else:
                    response.close()
                    raise too_large()
                return HTTPAnswer(response.status, response.headers, answer)
        except (aiohttp.ClientError, OSError) as error:  # the latter has TimeoutError
            raise self._failure(error, pool) from None

    def _failure(self, error: Exception, pool: _Pool) -> Exception:
        url = self._endpoint.base_url
        if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError)):
            # A server that comes back may have another address.
            pool.connector.clear_dns_cache()
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return NoConnectionError(f"no connection to {_asked(url, pool)} within {self._to_connect:g} s")
        if isinstance(error, TimeoutError):
            return RequestTimeoutError(
                f"no whole answer within {self._timeout:g} s: raise timeout, or lower max_tokens"
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return certificate_error(error.certificate_error, url)
        if isinstance(error, aiohttp.InvalidURL):
            return ConfigError(f"base_url is {url!r}, which is no URL: {self.redact(str(error))}")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return _proxy_refusal(error.status, error.message)
        if isinstance(error, aiohttp.ClientResponseError):
            return BadAnswerError(
                f"what {url} sent is not HTTP ({shown(error.message)}): check that base_url names the "
                "endpoint's host and port, and the proxies between"
            )
        if isinstance(error, aiohttp.ClientConnectorError):
            return NoConnectionError(f"no connection to {_asked(url, pool)}: {_reason(error.os_error)}")
        if isinstance(error, aiohttp.ServerDisconnectedError):
            error = ConnectionResetError(
                "the server closed it before its answer"
            )  # aiohttp shows half of that
        return ConnectionFailedError(f"the connection to {_asked(url, pool)} broke ({shown(error)}): {LOOK}")

    async def _open(self) -> _Pool:
        loop = asyncio.get_running_loop()
        tls = _tls_context() if self._endpoint.base_url.startswith("https:") else True
        proxy = _proxy_for(self._endpoint.base_url)
        self._of_proxy = tuple(_credentials_of(proxy))
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_IDLE, ttl_dns_cache=300, ssl=tls)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout, connect=self._to_connect),
        )
        # The loop ends its open generators when asyncio.run() or a runner closes it: so the pool is closed
        # with its loop even if nobody calls close().
        closer = _close_at_end(session, loop, weakref.ref(self._pools))
        await anext(closer)
        pool = self._pools[loop] = _Pool(session, connector, closer, proxy)
        return pool


class _Pool:
    __slots__ = ("__weakref__", "closer", "connector", "proxy", "session")

    def __init__(
        self,
        session: aiohttp.ClientSession,
        connector: aiohttp.TCPConnector,
        closer: AsyncGenerator[None],
        proxy: str | None,
    ) -> None:
        self.session = session
        self.connector = connector
        self.closer = closer
        self.proxy = proxy


def _asked(url: str, pool: _Pool) -> str:
    return url + (", asked for through a proxy" if pool.proxy else "")


async def _close_at_end(
    session: aiohttp.ClientSession,
    loop: asyncio.AbstractEventLoop,
    pools_of: weakref.ref[WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool]],
) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        pools = pools_of()
        if pools is not None:
            pools.pop(loop, None)  # the pool refers to its loop, so the weak key alone would not go
        await session.close()


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return `body` in the form that aiohttp sends in pieces where it is large, and does not warn of."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE else body


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            response.close()
            pieces.clear()  # else they stay for as long as the error, whose traceback has them
            raise too_large()
    return b"".join(pieces)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS fails ({shown(error)}): check that the server speaks https"
    if isinstance(error, socket.gaierror):
        return f"its name is not found ({error.strerror})"
    number = error.errno
    return os.strerror(number) if number and number > 0 else shown(error.strerror or error)


def _proxy_for(base_url: str) -> str | None:
    """Return the environment's proxy for the endpoint; read once, for asking each time is slow."""
    parts = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not proxy or urllib.request.proxy_bypass(f"{parts.hostname}:{port}"):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        URL(proxy)
    except ValueError:
        raise ConfigError(
            f"{parts.scheme.upper()}_PROXY is no URL, and not shown for it may hold a password: give one "
            "such as http://user:password@host:3128, with %2F for a slash in the password"
        ) from None
    if not proxy.startswith(("http://", "https://")):
        raise ConfigError(
            f"{parts.scheme.upper()}_PROXY names a proxy of the kind {proxy.partition(':')[0]}: "
            "give one of http, or name the endpoint's host in NO_PROXY"
        )
    return proxy


def _credentials_of(proxy: str | None) -> Iterator[str]:
    """Yield what of a proxy's URL it must not show, also as it is sent."""
    url = URL(proxy or "")
    if url.password:
        yield url.password
        yield base64.b64encode(f"{url.user or ''}:{url.password}".encode()).decode()


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()  # reads SSL_CERT_FILE; aiohttp's own did so at its import
    context.set_alpn_protocols(["http/1.1"])
    return context


def _proxy_refusal(status: int, message: str) -> RequestError:
    if status == 407:  # noqa: PLR2004
        return read_refusal(status, {}, message.encode()).error
    said = f"{status}: {shown(message)}"
    return ConnectionFailedError(f"the proxy makes no connection to the endpoint ({said})")
