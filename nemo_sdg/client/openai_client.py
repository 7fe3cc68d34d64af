"""The asynchronous client for OpenAI-compatible servers."""

from __future__ import annotations

import asyncio
import difflib
import math
import sys
from types import NoneType
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.client.answer import read_answer
from nemo_sdg.client.backoff import backoff
from nemo_sdg.client.base import DEADLINE, AsyncLLMClient
from nemo_sdg.client.endpoint import check_url, find_key, resolve_endpoint
from nemo_sdg.client.failure import Refused
from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.client.lean import LeanTransport
from nemo_sdg.client.payload import build_payload
from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.errors import (
    AuthenticationError,
    ConfigError,
    ConnectionFailedError,
    RequestError,
    RequestTimeoutError,
    UnreachableError,
)
from nemo_sdg.limits import HeaderReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import openai

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.endpoint import Endpoint
    from nemo_sdg.client.hedge import Hedge
    from nemo_sdg.client.payload import Payload
    from nemo_sdg.client.transport import HTTPAnswer, Transport
    from nemo_sdg.limits import Limits

_LEAN_OPTIONS = {"api_key", "base_url", "organization", "project", "default_headers", "default_query"}
_VARIABLES = {
    "base_url": "OPENAI_BASE_URL",
    "organization": "OPENAI_ORG_ID",
    "project": "OPENAI_PROJECT_ID",
    "custom headers": "OPENAI_CUSTOM_HEADERS",
}
"""The variables that stand in for arguments which are not given."""
_SDK_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_ADMIN_KEY",
    "OPENAI_API_VERSION",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "AZURE_OPENAI_ENDPOINT",
)
"""Further ones that a function may use which makes an SDK client."""
_SUCCESS = range(200, 300)
_FOR_ALL = {401, 403, *range(300, 400)}  # what is said to a list of models and holds for completions too
_ABOUT_THE_KEY = (401, 403)
_LOOKS = 3  # tries at the list of models
_LOOK_SECONDS = 12.0  # for each; a little more than for a connection, whose failure says more


class AsyncOpenAIClient(AsyncLLMClient):
    """Asks an OpenAI-compatible server, many requests at a time.

    `max_concurrent_requests`, `max_retries`, `base_delay`, `deadline`, `limits` and `hedge` are those of
    `AsyncLLMClient`; `timeout` is in seconds for one attempt. `openai_kwargs` are what `openai.AsyncOpenAI`
    takes, such as `api_key` and `base_url`; what is not given is read from the environment where the client
    runs. Prefer `api_key_env`, the *name* of an environment variable, to `api_key`: then no credential
    travels.

    Requests go straight over aiohttp. They go through the SDK when `async_openai_client` is given (an
    `openai.AsyncOpenAI`, or a function that makes one, which unlike a client can travel to workers), or an
    argument that only the SDK knows, such as `http_client`.

    Works on any number of event loops and after pickling. Raises `ConfigError` for arguments of no use.
    """

    _from_environment = True  # whether OPENAI_* variables stand in for what is not given

    def __init__(
        self,
        async_openai_client: openai.AsyncOpenAI | Callable[[], openai.AsyncOpenAI] | None = None,
        *,
        max_concurrent_requests: int = 5,
        max_retries: int = 3,
        base_delay: float = 1.0,
        timeout: float = 120,
        deadline: float = DEADLINE,
        api_key_env: str | None = None,
        limits: Limits | dict[str, Any] | None = None,
        hedge: Hedge | dict[str, Any] | None = None,
        **openai_kwargs: Any,
    ) -> None:
        super().__init__(
            max_concurrent_requests, max_retries, base_delay, deadline=deadline, limits=limits, hedge=hedge
        )
        if not (
            async_openai_client is None
            or callable(async_openai_client)
            or isinstance(async_openai_client, getattr(sys.modules.get("openai"), "AsyncOpenAI", ()))
        ):
            # Without its value: people give their key first.
            raise ConfigError(
                f"async_openai_client is a {type(async_openai_client).__name__}: give an openai.AsyncOpenAI, "
                "or a function that makes one; give other arguments by name"
            )
        if async_openai_client is not None and (openai_kwargs or api_key_env):
            given = ", ".join(sorted({*openai_kwargs, *(["api_key_env"] if api_key_env else [])}))
            raise ConfigError(f"{given} would be without effect: set them on the SDK client that you give")
        for_sdk = set(openai_kwargs) - _LEAN_OPTIONS
        if for_sdk:
            _check_names(for_sdk)
        key, url = openai_kwargs.get("api_key"), openai_kwargs.get("base_url")
        if callable(key):  # the SDK asks it for a fresh key before each request
            for_sdk.add("api_key")
        elif not isinstance(key, (str, NoneType)):
            raise ConfigError(
                f"api_key is a {type(key).__name__}: give a text, or name a variable in api_key_env"
            )
        if url:
            check_url(str(url).strip())
        if api_key_env is not None and not isinstance(api_key_env, str):
            raise ConfigError("api_key_env is no text: give the name of an environment variable")
        self.timeout = self._longest_attempt = check_timeout(timeout)
        self.api_key_env = api_key_env
        self._openai_kwargs = openai_kwargs
        self._sdk_client = async_openai_client
        self._through_sdk = async_openai_client is not None or bool(for_sdk)
        self._endpoint: Endpoint | None = None
        self._transport: Transport | None = None
        self._headers = HeaderReader()

    def __repr__(self) -> str:
        """Show where requests go, never with what credential."""
        at_once = self.max_concurrent_requests
        return f"{type(self).__name__}({self.base_url!r}, max_concurrent_requests={at_once})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave connections behind; refuse to take an SDK client along, for it cannot travel."""
        if self._sdk_client is not None and not callable(self._sdk_client):
            raise ConfigError(
                "an openai.AsyncOpenAI object cannot travel to another process: "
                "give a function that makes one, as in AsyncOpenAIClient(lambda: AsyncAzureOpenAI(...))"
            )
        if "http_client" in self._openai_kwargs:
            raise ConfigError(
                "an http_client cannot travel to another process: give a function that makes the SDK client, "
                "as in AsyncOpenAIClient(lambda: AsyncOpenAI(http_client=...))"
            )
        return {**super().__getstate__(), "_endpoint": None, "_transport": None}

    @property
    def base_url(self) -> str | None:
        """The URL given for the endpoint; None when it is the environment's or an SDK client's."""
        url = self._openai_kwargs.get("base_url")
        return None if url is None else str(url)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URL given for the endpoint, if one was."""
        return (self.base_url,) if self.base_url else ()

    @property
    def identity(self) -> tuple[str, str]:
        """The endpoint, and a digest of the credential; see `AsyncLLMClient.identity`."""
        if self._through_sdk:
            source = self._sdk_client if self._sdk_client is not None else self._openai_kwargs
            named = getattr(source, "__qualname__", type(source).__qualname__)
            return str(self._openai_kwargs.get("base_url") or ""), f"{named} {self.api_key_env or ''}"
        self.setup()
        assert self._endpoint is not None
        return self._endpoint.identity

    @property
    def environment(self) -> tuple[str, ...]:
        """Names of the environment variables that the client reads where it runs."""
        if self._sdk_client is not None:
            return () if not callable(self._sdk_client) else (*_VARIABLES.values(), *_SDK_VARIABLES)
        given = {name for name, value in self._openai_kwargs.items() if value}
        if self.api_key_env:
            given.add("api_key")
        keys: tuple[str, ...] = (self.api_key_env,) if self.api_key_env else ()
        if "api_key" not in given:
            keys = ("OPENAI_API_KEY", "NVIDIA_API_KEY")
        if not self._from_environment:
            return keys
        return (*keys, *(variable for name, variable in _VARIABLES.items() if name not in given))

    @property
    def sends_key(self) -> bool | None:
        """Whether requests carry a key; None where only an SDK client knows. Raises what `setup` raises."""
        self.setup()
        return None if self._endpoint is None else self._endpoint.api_key is not None

    def setup(self) -> None:
        """Resolve the endpoint; raises `MissingKeyError` or `ConfigError` when that cannot be done."""
        if self._transport is not None:
            return
        if self._through_sdk:
            from nemo_sdg.client.sdk import SDKTransport  # noqa: PLC0415 - the SDK takes long to import

            self._transport = SDKTransport(self._sdk_client or self._make_sdk_client, self.timeout)
            return
        options = {**self._openai_kwargs}
        url = options.pop("base_url", None)
        self._endpoint = resolve_endpoint(
            base_url=None if url is None else str(url),
            api_key_env=self.api_key_env,
            from_environment=self._from_environment,
            **options,
        )
        self._transport = LeanTransport(self._endpoint, self.timeout)

    async def check(self, model: str) -> list[str]:
        """Ask the server for its models, and say so when it does not list `model`; see `list_models`."""
        note = unlisted(model, await self.list_models())
        return [note] if note else []

    async def list_models(self) -> list[str]:
        """Return the names that the server lists at `/models`, [] where it lists none.

        Raises `FatalRequestError` when nothing answers within some 10 s, at the third try, or the credential
        is refused, or the endpoint redirects.
        """
        for attempt in range(1, _LOOKS + 1):
            try:
                answer = await self._look()
            except (ConnectionFailedError, RequestTimeoutError) as error:
                if attempt == _LOOKS:
                    raise UnreachableError(
                        f"{self._redacted(error)} ({attempt} attempts): check base_url, that the server is "
                        "running, and that no firewall or proxy is between",
                        attempts=attempt,
                    ) from None
                await asyncio.sleep(backoff(attempt, min(self.base_delay, 1.0)))
            else:
                break
        if answer.status not in _SUCCESS:
            refusal = self._refused(answer)
            if answer.status in _FOR_ALL:
                raise refusal.error
            return []
        try:
            listed = msgspec.json.decode(answer.body)["data"]
            return [str(model["id"]) for model in listed]
        except (msgspec.DecodeError, KeyError, TypeError):
            return []

    async def _look(self) -> HTTPAnswer:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                return await self._ready().get("/models")
        except TimeoutError:
            raise RequestTimeoutError(f"no list of models within {_LOOK_SECONDS:g} s") from None

    async def close(self) -> None:
        """Close the connections of the running event loop; the client can be used again."""
        if self._transport is not None:
            await self._transport.close()

    async def _query_model_impl(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        completion = await self._complete_impl(messages, model, conversation_formatter, generation_config)
        return completion.texts

    async def _complete_impl(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None,
        generation_config: GenerationConfig | dict[str, Any] | None,
    ) -> Completion:
        config = GenerationConfig.of(generation_config)
        payload = self._payload(messages, model, config, conversation_formatter)
        try:
            answer = await self._ready().post(payload)
            if answer.status in _SUCCESS:
                completion = read_answer(answer.body, answer.headers.get("content-type", ""), config.n or 1)
                completion.limits = self._headers.read(answer.headers)
                return completion
        except RequestError as error:
            raise self._redacted(error) from None
        raise self._refused(answer, proven=self._health.proven)

    def _payload(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        config: GenerationConfig,
        formatter: ConversationFormatter | None,
    ) -> Payload:
        return build_payload(messages, model, config, formatter)

    def _ready(self) -> Transport:
        if self._transport is None:
            self.setup()
            assert self._transport is not None
        return self._transport

    def _refused(self, answer: HTTPAnswer, *, proven: bool = False) -> Refused:
        error, verdict = read_refusal(answer.status, answer.headers, answer.body, proven=proven)
        if isinstance(error, AuthenticationError) and error.status in _ABOUT_THE_KEY:
            error.args = (f"{error}{self._about_key()}",)
        return Refused(self._redacted(error), verdict, self._headers.read(answer.headers))

    def _about_key(self) -> str:
        """Return in words which key was sent."""
        if self.api_key_env:
            return f"; it is that of {self.api_key_env}"
        if self.sends_key is False:
            return "; none was sent: name the variable that holds it in api_key_env"
        return ""

    def _redacted(self, error: RequestError) -> RequestError:
        if self._transport is not None:
            error.args = (self._transport.redact(str(error)),)
            if error.request_id:
                error.request_id = self._transport.redact(error.request_id)
        return error

    def _make_sdk_client(self, **further: Any) -> openai.AsyncOpenAI:
        import openai  # noqa: PLC0415 - takes long to import

        from nemo_sdg.client.sdk import UnambientOpenAI  # noqa: PLC0415 - imports the SDK

        options = {**self._openai_kwargs, **further}
        if self.api_key_env:
            options["api_key"] = find_key("", None, self.api_key_env)
        return (openai.AsyncOpenAI if self._from_environment else UnambientOpenAI)(**options)


def check_timeout(timeout: object) -> float:
    """Return the seconds of an attempt; raises `ConfigError` for what is no time."""
    if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not 0 < timeout < math.inf:
        raise ConfigError(f"timeout is {timeout!r}: give seconds, above 0")
    return float(timeout)


def unlisted(model: str, models: Sequence[str]) -> str:
    """Return in words that `model` is not among the `models` of an endpoint; "" if it is, or none are."""
    if not models or model in models:
        return ""
    near = difflib.get_close_matches(model, models, n=1)
    hint = f"; did you mean {near[0]}?" if near else f": it lists {', '.join(models[:5])}"
    return f"the endpoint does not list the model {model}{hint}"


def _check_names(names: set[str]) -> None:
    import inspect  # noqa: PLC0415 - only for arguments that are not ours

    import openai  # noqa: PLC0415 - takes long to import

    allowed = set(inspect.signature(openai.AsyncOpenAI.__init__).parameters) - {
        "self",
        "timeout",
        "max_retries",
    }
    unknown = sorted(names - allowed)
    if unknown:
        raise ConfigError(
            f"AsyncOpenAIClient has no argument {unknown[0]!r}: it takes max_concurrent_requests, "
            "max_retries, base_delay, timeout, deadline, limits, hedge, api_key_env, and of the OpenAI SDK "
            + ", ".join(sorted(allowed))
        )
