"""The client for vLLM servers."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.base import DEADLINE, withheld_error
from nemo_sdg.client.endpoint import check_url, without
from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.client.httpx_options import check_travels, read_httpx_options
from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.client.no_format import NoFormat
from nemo_sdg.client.openai_client import AsyncOpenAIClient, check_timeout
from nemo_sdg.client.retrying import Retrying
from nemo_sdg.client.vllm_sampling import vllm_config
from nemo_sdg.errors import ConfigError, FatalRequestError, ModelNotFoundError, RequestError, RowError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import openai

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.hedge import Hedge
    from nemo_sdg.client.hugging_face_formatter import HuggingFaceFormatter
    from nemo_sdg.client.payload import Payload
    from nemo_sdg.client.transport import Transport
    from nemo_sdg.limits import Limits

LOCAL = "http://localhost:8000"
"""Where vLLM listens unless it is told otherwise."""
_log = logging.getLogger("nemo_sdg")
_VERSIONED = re.compile(r"/v\d+$")
_INPUT = "give a list of {'role': ..., 'content': ...}, or a text"
_NO_KEY = "EMPTY"  # rather than the key of another server that the environment may hold


class ClientvLLM(AsyncOpenAIClient):
    """Asks a vLLM server: many inputs in one call, or as the client of stages.

    `base_url` is the server's, with or without `/v1`. `model` is needed only where it serves several, such as
    LoRA adapters. With `tokenizer` (a folder, or an id on the Hugging Face hub, of which `tokenizer_revision`
    is the branch, tag or commit) its chat template is applied here and `/completions` is asked; without, the
    server applies its own. `max_retries`, `base_delay`, `deadline`, `limits` and `hedge` are those of
    `AsyncLLMClient`, `timeout` is in seconds for one attempt. A server with a key is given `api_key`, or
    `api_key_env`, the name of the variable that holds it; the keys of other servers are never sent, nor
    anything else that `OPENAI_*` variables say.

    `httpx_client_kwargs` are options of `httpx.AsyncClient`: `headers` and `params` cost nothing, all others
    (`verify`, `cert`, `proxy`, `limits`, `trust_env`, `cookies`, `http1`, `http2`, `follow_redirects`,
    `max_redirects`) have requests go through one, by way of the SDK, at some times the processor time.

    `base_url`, `max_retries`, `timeout` and `httpx_client_kwargs` may be changed until `load`, which may be
    called again. Raises `ConfigError` for arguments of no use.
    """

    base_url: str = LOCAL  # an attribute here, for it may be changed
    _from_environment = False

    def __init__(
        self,
        base_url: str = LOCAL,
        *,
        model: str | None = None,
        tokenizer: str | None = None,
        tokenizer_revision: str | None = None,
        max_retries: int = 6,
        timeout: float = 120,
        httpx_client_kwargs: dict[str, Any] | None = None,
        max_concurrent_requests: int = 64,
        base_delay: float = 1.0,
        deadline: float = DEADLINE,
        api_key: str | None = None,
        api_key_env: str | None = None,
        limits: Limits | dict[str, Any] | None = None,
        hedge: Hedge | dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            max_concurrent_requests=max_concurrent_requests,
            max_retries=max_retries,
            base_delay=base_delay,
            timeout=timeout,
            deadline=deadline,
            api_key_env=api_key_env,
            limits=limits,
            hedge=hedge,
            api_key=api_key,
        )
        self.base_url = base_url
        self.model = model
        self.tokenizer = tokenizer
        self.tokenizer_revision = tokenizer_revision
        self.httpx_client_kwargs = httpx_client_kwargs
        self._api_key = api_key
        self._formatter: HuggingFaceFormatter | None = None
        self._only_model: str | None = None
        self._take_over()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the thread behind too."""
        check_travels(self.httpx_client_kwargs)
        state = super().__getstate__()
        del state["_thread"]
        return state

    def _begin(self) -> None:
        super()._begin()
        self._thread = LoopThread("nemo-sdg-vllm-client")

    def _take_over(self) -> None:
        """Go by the attributes as they are now."""
        Retrying.__init__(self, self.max_retries, self.base_delay, self.deadline)
        self.timeout = self._longest_attempt = check_timeout(self.timeout)
        url = str(self.base_url).strip().rstrip("/")
        check_url(url)
        options = self._httpx = read_httpx_options(self.httpx_client_kwargs)
        key = {} if self.api_key_env else {"api_key": self._api_key or _NO_KEY}
        self._openai_kwargs = {
            "base_url": url if _VERSIONED.search(url) else f"{url}/v1",
            "default_headers": options.headers,
            "default_query": options.query,
            **key,
        }
        self._through_sdk = bool(options.further) or callable(self._api_key)
        self._endpoint = self._transport = None

    @property
    def _aclient(self) -> Transport | None:
        """What carries requests; None until `load`."""
        return self._transport

    def setup(self) -> None:
        """Resolve the endpoint; raises `AuthenticationError` or `ConfigError` when that cannot be done."""
        if self._transport is None:
            self._take_over()
            super().setup()

    def load(self) -> None:
        """Go by the attributes as they are now, read the tokenizer, and find the model at the server.

        Raises `ConfigError` for what cannot be used, or when `model` must be chosen; `FatalRequestError` when
        the server cannot be asked, `ModelNotFoundError` of these when it does not have `model`.
        """
        if self._transport is not None:
            self._thread.run(self.close())
            self._transport = None
        self.setup()
        self._formatter = None
        self.conversation_formatter  # noqa: B018 - here its errors reach the one who gave it
        self._only_model = self._chosen(self._thread.run(self.list_models()))

    def unload(self) -> None:
        """Close the connections of `generate_outputs` and end its thread; the client can be used again."""
        self._thread.run(self.close())
        self._thread.stop()

    @property
    def model_name(self) -> str:
        """Name of the model: `model`, else the only one that the server has, for which `load` asks it."""
        if self.model:
            return self.model
        if self._only_model is None:
            self.load()
        assert self._only_model is not None
        return self._only_model

    @property
    def conversation_formatter(self) -> ConversationFormatter | None:
        """The chat template of `tokenizer`; None without one. Raises `ConfigError` when it cannot be read."""
        if self._formatter is None and self.tokenizer is not None:
            from nemo_sdg.client.hugging_face_formatter import HuggingFaceFormatter  # noqa: PLC0415

            self._formatter = HuggingFaceFormatter(self.tokenizer, revision=self.tokenizer_revision)
        return self._formatter

    def generate_outputs(
        self,
        inputs: Iterable[list[dict[str, Any]] | str],
        num_generations: int = 1,
        max_new_tokens: int | None = 128,
        temperature: float | None = 1.0,
        top_p: float | None = 1.0,
        *,
        top_k: int | None = None,
        seed: int | None = None,
        stop: str | list[str] | None = None,
        structured_outputs: dict[str, Any] | None = None,
        **vllm: Any,
    ) -> list[list[str | None]]:
        """Return `num_generations` texts for each of `inputs`, in their order.

        An input is a list of `{"role": ..., "content": ...}`, or a text that is continued as it is. At most
        `max_concurrent_requests` are asked at a time, in a thread, so a notebook may call this.
        `structured_outputs` is one of `{"json": schema}` (or a pydantic model), `{"regex": ...}`,
        `{"choice": [...]}` and `{"grammar": ...}`; `vllm` are further request fields, such as `min_p`,
        `repetition_penalty`, `min_tokens`, `ignore_eos`, `stop_token_ids`, or `extra_body` for any.
        None leaves a parameter to the server.

        An input that fails has None in the place of its texts, and the log says why. Raises `RequestError`
        or `RowError` when all fail, `FatalRequestError` at once, `ConfigError` for a name that is none.
        """
        config = vllm_config(
            num_generations=num_generations,
            max_new_tokens=max_new_tokens,
            structured_outputs=structured_outputs,
            further=vllm,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            seed=seed,
            stop=stop,
        )
        outcomes = self.complete_all(inputs, config)
        failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        if failures and len(failures) == len(outcomes):
            raise failures[0]
        if failures:
            _log.warning("%d of %d inputs failed; the first: %s", len(failures), len(outcomes), failures[0])
        return [
            [None] * num_generations if isinstance(outcome, Exception) else list(outcome.texts)
            for outcome in outcomes
        ]

    def complete_all(
        self,
        inputs: Iterable[list[dict[str, Any]] | str],
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[Completion | RequestError | RowError]:
        """Return all that the server said to each of `inputs`, such as logprobs and usage, or why it failed.

        Raises `FatalRequestError` when no request can succeed, `ConfigError` for arguments of no use.
        """
        listed: list[Any] = [inputs] if isinstance(inputs, (str, dict)) else list(inputs)
        if isinstance(inputs, str) or any(isinstance(one, dict) for one in listed):
            raise ConfigError(
                "inputs is one conversation: give a list of conversations, as in "
                "[[{'role': 'user', 'content': ...}], ...]"
            )
        return self._thread.run(self._complete_all(listed, GenerationConfig.of(generation_config)))

    async def _complete_all(
        self, inputs: Sequence[list[dict[str, Any]] | str], config: GenerationConfig
    ) -> list[Completion | RequestError | RowError]:
        model = self.model or self._only_model or self._chosen(await self.list_models())
        self._only_model = model

        async def one(given: list[dict[str, Any]] | str) -> Completion | RequestError | RowError:
            raw = NoFormat() if isinstance(given, str) else None
            try:
                completion = await self.complete(_messages(given), model, raw, config)
            except FatalRequestError:
                raise
            except (RequestError, RowError) as error:
                return error
            return withheld_error(completion) if completion.withheld else completion

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(given)) for given in inputs]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [task.result() for task in tasks]

    def _chosen(self, models: list[str]) -> str:
        """Return which of the server's models is asked."""
        listed = ", ".join(models[:20])
        if self.model:
            if models and self.model not in models:
                raise ModelNotFoundError(
                    f"{self.base_url} does not serve the model {self.model}: it serves {listed}", attempts=0
                )
            return self.model
        if len(models) == 1:
            return models[0]
        what = f"serves several models ({listed})" if models else "lists no models"
        raise ConfigError(f"{self.base_url} {what}: choose one, as in ClientvLLM(model='...')")

    def _payload(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        config: GenerationConfig,
        formatter: ConversationFormatter | None,
    ) -> Payload:
        payload = super()._payload(messages, model, config, formatter)
        if formatter is not None:
            body = payload.body
            if formatter.special_tokens:  # else there would be two that mark the beginning
                body.setdefault("add_special_tokens", False)
            if isinstance(body.get("logprobs"), bool):  # here a number says both
                wanted, shown = body.pop("logprobs"), body.pop("top_logprobs", None) or 0
                body.update({"logprobs": shown} if wanted else {})
        return payload

    def _redacted(self, error: RequestError) -> RequestError:
        error = super()._redacted(error)
        error.args = (without(str(error), *self._httpx.secrets()),)
        return error

    def _make_sdk_client(self, **further: Any) -> openai.AsyncOpenAI:
        return super()._make_sdk_client(http_client=self._httpx.new_client(), **further)


def _messages(given: Any) -> list[dict[str, Any]]:
    """Return the messages of an input; raises `RowError` for one that has none."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    try:
        messages = list(given)
    except TypeError:
        raise RowError(f"the input is a {type(given).__name__}: {_INPUT}") from None
    if not messages:
        raise RowError(f"the input is empty: {_INPUT}")
    for place, message in enumerate(messages, 1):
        if not isinstance(message, dict):
            raise RowError(f"message {place} of the input is a {type(message).__name__}: {_INPUT}")
    return messages
