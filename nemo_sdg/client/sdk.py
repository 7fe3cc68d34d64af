"""The transport for whoever brings an SDK client of their own: Azure, proxies, custom authentication."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import openai

from nemo_sdg.client.endpoint import secrets_among, without
from nemo_sdg.client.sdk_errors import body_of, ours_for
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.client.transport import LARGEST_ANSWER, HTTPAnswer, too_large
from nemo_sdg.errors import ConfigError, ConnectionFailedError, RequestTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

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
        create = resource.with_streaming_response.create
        return await self._answer_to(
            create(
                **required,
                **({"stream": True} if stream else {}),
                extra_body=body,
                extra_headers=payload.headers,
                extra_query=payload.query,
            )
        )

    async def get(self, path: str) -> HTTPAnswer:
        """Ask for `path`; see `Transport.get`. Only the list of models is asked for."""
        assert path == "/models"
        return await self._answer_to(self._client().models.with_streaming_response.list())

    def redact(self, text: str) -> str:
        """Return `text` without the client's key; see `Transport.redact`."""
        for client in list(self._clients.values()):
            more = {**client.default_headers, **client.auth_headers, **client.default_query}
            text = without(text, client.api_key, *secrets_among(more))
        return text

    async def close(self) -> None:
        """Close the connections of the running event loop, if the client is ours to close."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None and callable(self._source):
            await client.close()

    async def _answer_to(self, call: AbstractAsyncContextManager[Any]) -> HTTPAnswer:
        try:
            async with asyncio.timeout(self._timeout):  # the SDK's own is for each read, not for all together
                async with call as streamed:
                    response = streamed.http_response
                    body = await _read_bounded(response)
        except openai.APIStatusError as error:
            response, body = error.response, body_of(error)
        except openai.OpenAIError as error:
            raise ours_for(error) from None
        except TimeoutError:
            raise RequestTimeoutError(
                f"no whole answer within {self._timeout:g} s: raise timeout, or lower max_tokens"
            ) from None
        return HTTPAnswer(response.status_code, response.headers, body)

    def _client(self) -> openai.AsyncOpenAI:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            given = self._source
            made = given if isinstance(given, openai.AsyncOpenAI) else given()
            if not isinstance(made, openai.AsyncOpenAI):
                raise ConfigError(
                    f"async_openai_client made a {type(made).__name__}: it must make an openai.AsyncOpenAI"
                )
            client = self._clients[loop] = made.with_options(max_retries=0, timeout=self._timeout)
        return client


async def _read_bounded(response: Any) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_ANSWER:
                break
    except openai.OpenAIError:
        raise
    except Exception as error:  # noqa: BLE001 - while streaming the SDK lets its transport's own through
        raise ConnectionFailedError(f"the connection broke ({shown(error)}): {LOOK}") from None
    if size > LARGEST_ANSWER:
        pieces.clear()  # else they stay for as long as the error, whose traceback has them
        raise too_large()
    return b"".join(pieces)
