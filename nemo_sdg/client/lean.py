"""The default transport: aiohttp straight to the endpoint."""

from __future__ import annotations

import asyncio
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from nemo_sdg.client.transport import LARGEST_ANSWER, HTTPAnswer
from nemo_sdg.errors import (
    BadAnswerError,
    ConfigError,
    ConnectionFailedError,
    RequestTimeoutError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from nemo_sdg.client.endpoint import Endpoint
    from nemo_sdg.client.payload import Payload

_KEEP_IDLE = (
    4.0  # seconds; many servers close an idle connection after 5, and a request in that moment is lost
)


class LeanTransport:
    """Carries requests with as little CPU as aiohttp allows; one connection pool for each event loop.

    `timeout` is in seconds for one attempt, connection included. Proxies are taken from the environment.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()
        self._urls: dict[str, URL] = {}

    async def post(self, payload: Payload) -> HTTPAnswer:
        """Send `payload`; see `Transport.post`."""
        return await self._send("POST", payload.path, payload.encoded(), payload.headers, payload.query)

    async def get(self, path: str) -> HTTPAnswer:
        """Ask for `path`; see `Transport.get`."""
        return await self._send("GET", path, None, None, None)

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
                method, url, data=body, headers=headers, allow_redirects=False, proxy=pool.proxy
            ) as response:
                length = response.content_length
                if length is not None and length <= LARGEST_ANSWER:
                    answer = await response.read()
                else:
                    answer = await _read_bounded(response)
                return HTTPAnswer(response.status, response.headers, answer)
        except TimeoutError:
            raise RequestTimeoutError(
                f"no whole answer within {self._timeout:g} s: raise timeout, or lower max_tokens"
            ) from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise UnreachableError(
                f"the certificate of {self._endpoint.base_url} is not trusted ({error.certificate_error}): "
                "name your certificate authorities' file in SSL_CERT_FILE"
            ) from None
        except aiohttp.InvalidURL as error:
            raise ConfigError(f"base_url is {self._endpoint.base_url!r}, which is no URL: {error}") from None
        except aiohttp.ClientResponseError as error:
            raise BadAnswerError(
                f"what {self._endpoint.base_url} sent is not HTTP: {error.message}"
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailedError(
                f"no connection to {self._endpoint.base_url}, or it broke: {error or type(error).__name__}"
            ) from None

    async def _open(self) -> _Pool:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_IDLE, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._endpoint.headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )
        # The loop ends its open generators when asyncio.run() or a runner closes it: so the pool is closed
        # with its loop even if nobody calls close().
        closer = _close_at_end(session)
        await anext(closer)
        pool = _Pool(session, closer, _proxy_for(self._endpoint.base_url))
        self._pools[asyncio.get_running_loop()] = pool
        return pool


class _Pool:
    __slots__ = ("__weakref__", "closer", "proxy", "session")

    def __init__(
        self, session: aiohttp.ClientSession, closer: AsyncGenerator[None], proxy: str | None
    ) -> None:
        self.session = session
        self.closer = closer
        self.proxy = proxy


async def _close_at_end(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await session.close()


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            response.close()
            raise BadAnswerError(f"the answer is larger than {LARGEST_ANSWER:,} bytes: lower max_tokens or n")
    return b"".join(pieces)


def _proxy_for(base_url: str) -> str | None:
    """Return the environment's proxy for the endpoint; read once, for asking each time is slow."""
    parts = urlsplit(base_url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return urllib.request.getproxies().get(parts.scheme)
