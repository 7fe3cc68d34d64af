"""The transport for whoever brings an SDK client of their own: Azure, proxies, custom authentication."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import openai

from nemo_sdg.client.transport import HTTPAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.client.payload import Payload


class SDKTransport:
    """Carries requests through an `openai.AsyncOpenAI`, with the SDK's own retries off.

    `source` is the client, or a function that makes one; a function is called once for each event loop.
    `timeout` is in seconds for one attempt.
    """

    def __init__(self, source: openai.AsyncOpenAI | Callable[[], openai.AsyncOpenAI], timeout: float) -> None:
        self._source = source
        self._timeout = timeout
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, openai.AsyncOpenAI] = WeakKeyDictionary()

    async def post(self, payload: Payload) -> HTTPAnswer:
        """Send `payload`; see `Transport.post`."""
        body = dict(payload.body)
        payload.encoded()  # says what is wrong with the prompt better than the SDK does
        required = {key: body.pop(key) for key in ("model", "messages", "prompt") if key in body}
        client = self._client()
        resource: Any = client.chat.completions if payload.path == "/chat/completions" else client.completions
        stream = body.pop("stream", None)
        raw = await resource.with_raw_response.create(
            **required,
            **({"stream": True} if stream else {}),
            extra_body=body,
            extra_headers=payload.headers,
            extra_query=payload.query,
        )
        response = raw.http_response
        return HTTPAnswer(response.status_code, response.headers, await response.aread())

    async def get(self, path: str) -> HTTPAnswer:
        """Ask for `path`; see `Transport.get`. Only the list of models is asked for."""
        assert path == "/models"
        raw = await self._client().models.with_raw_response.list()
        return HTTPAnswer(raw.http_response.status_code, raw.http_response.headers, raw.http_response.content)

    async def close(self) -> None:
        """Close the connections of the running event loop, if the client is ours to close."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None and callable(self._source):
            await client.close()

    def _client(self) -> openai.AsyncOpenAI:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            given = self._source
            made = given if isinstance(given, openai.AsyncOpenAI) else given()
            client = self._clients[loop] = made.with_options(max_retries=0, timeout=self._timeout)
        return client
