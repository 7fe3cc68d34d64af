"""The transport for whoever brings an SDK client of their own: Azure, proxies, custom authentication."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import openai

from nemo_sdg.client.endpoint import secrets_among, without
from nemo_sdg.client.sdk_blocking import BlockingSDKClient
from nemo_sdg.client.sdk_errors import body_of, ours_for
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.client.transport import LARGEST_ANSWER, HTTPAnswer, too_large
from nemo_sdg.errors import ConfigError, ConnectionFailedError, RequestTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nemo_sdg.client.payload import Payload

_MOST_THREADS = 1000  # as many as are wanted: they are started one by one


class UnambientOpenAI(openai.AsyncOpenAI):
    """An SDK client that takes nothing from the environment; it is given a key."""

    def __init__(self, *, default_headers: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(default_headers=default_headers, **options)
        # No argument turns off what it has read; `with_options` makes the copy by way of here too.
        self._custom_headers = dict(default_headers or {})
        self.organization, self.project = options.get("organization"), options.get("project")
        self.admin_api_key = options.get("admin_api_key")


class SDKTransport:
    """Carries requests through an `openai.AsyncOpenAI`, with the SDK's own retries off.

    `source` is the client, or a function that makes one; a function is called once for each event loop. A
    `BlockingSDKClient` is asked in threads. `timeout` is in seconds for one attempt.
    """

    def __init__(self, source: openai.AsyncOpenAI | Callable[[], openai.AsyncOpenAI], timeout: float) -> None:
        self._source: Any = source
        self._timeout = timeout
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()
        self._blocking = isinstance(source, BlockingSDKClient)
        ready = source.ready if isinstance(source, BlockingSDKClient) else not callable(source)
        self._ours = not ready or _has_default_http(source)
        self._loop: ref[asyncio.AbstractEventLoop] | None = None
        self._threads: ThreadPoolExecutor | None = None

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
        if client is not None and self._ours:
            await (asyncio.to_thread(client.close) if self._blocking else client.close())
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    async def _answer_to(self, call: Any) -> HTTPAnswer:
        try:
            async with asyncio.timeout(self._timeout):  # the SDK's own is for each read, not for all together
                response, body = await (self._in_thread(call) if self._blocking else _whole(call))
        except openai.APIStatusError as error:
            response, body = error.response, body_of(error)
        except openai.OpenAIError as error:
            raise ours_for(error) from None
        except TimeoutError:
            raise RequestTimeoutError(
                f"no whole answer within {self._timeout:g} s: raise timeout, or lower max_tokens"
            ) from None
        return HTTPAnswer(response.status_code, response.headers, body)

    async def _in_thread(self, call: Any) -> tuple[Any, bytes]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_MOST_THREADS, "nemo-sdg-sdk")
        return await asyncio.get_running_loop().run_in_executor(self._threads, _whole_blocking, call)

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            kind = openai.OpenAI if self._blocking else openai.AsyncOpenAI
            given = self._source
            made = given if isinstance(given, kind) else given()
            if not isinstance(made, kind):
                name = "openai_client" if self._blocking else "async_openai_client"
                raise ConfigError(
                    f"{name} made a {type(made).__name__}: it must make an openai.{kind.__name__}"
                )
            options: dict[str, Any] = {"max_retries": 0, "timeout": self._timeout}
            if made is given and self._ours:
                # Connections belong to an event loop, and the next one would find those of this one.
                options["http_client"] = openai.DefaultAsyncHttpxClient()
            elif made is given and not self._blocking:
                # It would lose answers that were paid for, on connections of a loop that is gone.
                if self._loop is not None and self._loop() is not loop:
                    raise ConfigError(
                        "an openai.AsyncOpenAI with an http_client of its own serves one event loop: give a "
                        "function that makes one, as in AsyncOpenAIClient(lambda: AsyncOpenAI(...))"
                    )
                self._loop = ref(loop)
            client = self._clients[loop] = made.with_options(**options)
        return client


def _has_default_http(source: Any) -> bool:
    """Return whether an asynchronous client has no HTTP client of the user's, only the SDK's own."""
    return type(getattr(source, "_client", None)).__name__ == "AsyncHttpxClientWrapper"


async def _whole(call: Any) -> tuple[Any, bytes]:
    async with call as streamed:
        return streamed.http_response, await _read_bounded(streamed.http_response)


def _whole_blocking(call: Any) -> tuple[Any, bytes]:
    with call as streamed:
        response = streamed.http_response
        pieces: list[bytes] = []
        size = 0
        try:
            for piece in response.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_ANSWER:
                    break
        except openai.OpenAIError:
            raise
        except Exception as error:  # noqa: BLE001 - as below
            raise ConnectionFailedError(f"the connection broke ({shown(error)}): {LOOK}") from None
    if size > LARGEST_ANSWER:
        pieces.clear()
        raise too_large()
    return response, b"".join(pieces)


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
