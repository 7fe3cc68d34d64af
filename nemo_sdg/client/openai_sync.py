"""The synchronous client for OpenAI-compatible servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemo_sdg.client.flat import NOT_GIVEN, NotGiven, with_flat
from nemo_sdg.client.llm_client import LLMClient
from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.client.openai_client import AsyncOpenAIClient
from nemo_sdg.client.sdk_blocking import BlockingSDKClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import openai

    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig

_THREADS = 1000  # more than anybody has


class OpenAIClient(LLMClient):
    """Asks an OpenAI-compatible server, one request at a time: for debugging and simple use.

    Takes the arguments of `AsyncOpenAIClient`, on which it runs in a thread of its own, so that both behave
    the same; `openai_client` is an `openai.OpenAI`, or a function that makes one, and is asked in threads.
    Any number of threads may use one; `max_concurrent_requests` is for stages that are given it.
    """

    def __init__(
        self,
        openai_client: openai.OpenAI | Callable[[], openai.OpenAI] | None = None,
        *,
        max_retries: int = 3,
        base_delay: float = 1.0,
        timeout: float = 120,
        **kwargs: Any,
    ) -> None:
        options = {"max_retries": max_retries, "base_delay": base_delay, "timeout": timeout, **kwargs}
        if openai_client is not None:
            options["async_openai_client"] = BlockingSDKClient(openai_client)
        self._asynchronous = AsyncOpenAIClient(**options)
        # Our own callers' threads have one request each: they are as many as they are meant to be.
        self._client = AsyncOpenAIClient(**{**options, "max_concurrent_requests": _THREADS})
        self._thread = LoopThread("nemo-sdg-openai-client")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the thread behind."""
        return {"_client": self._client, "_asynchronous": self._asynchronous}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew in another process."""
        self._client, self._asynchronous = state["_client"], state["_asynchronous"]
        self._thread = LoopThread("nemo-sdg-openai-client")

    def __repr__(self) -> str:
        """Show where requests go."""
        return repr(self._asynchronous).replace("AsyncOpenAIClient", type(self).__name__, 1)

    def setup(self) -> None:
        """Resolve the endpoint; see `AsyncOpenAIClient.setup`."""
        self._client.setup()

    def query_model(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
        *,
        max_tokens: int | NotGiven | None = NOT_GIVEN,
        n: int | NotGiven | None = NOT_GIVEN,
        seed: int | NotGiven | None = NOT_GIVEN,
        stop: str | list[str] | NotGiven | None = NOT_GIVEN,
        stream: bool | NotGiven | None = NOT_GIVEN,
        temperature: float | NotGiven | None = NOT_GIVEN,
        top_k: int | NotGiven | None = NOT_GIVEN,
        top_p: float | NotGiven | None = NOT_GIVEN,
    ) -> list[str]:
        """Return the `n` texts that `model` answers to `messages`; see `AsyncLLMClient.query_model`."""
        config = with_flat(generation_config, max_tokens, n, seed, stop, stream, temperature, top_k, top_p)
        return self._thread.run(
            self._client.query_model(_listed(messages), model, conversation_formatter, config)
        )

    def query_reward_model(
        self,
        *,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
    ) -> dict[str, float]:
        """Return a reward model's scores; see `AsyncLLMClient.query_reward_model`."""
        return self._thread.run(
            self._client.query_reward_model(
                messages=_listed(messages), model=model, conversation_formatter=conversation_formatter
            )
        )

    def complete(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> Completion:
        """As `query_model`, returning everything that the server said."""
        return self._thread.run(
            self._client.complete(_listed(messages), model, conversation_formatter, generation_config)
        )

    @property
    def asynchronous(self) -> AsyncOpenAIClient:
        """An asynchronous client of the same server, for stages that ask many requests at a time.

        It has `max_concurrent_requests`, by default the 5 of every asynchronous client.
        """
        return self._asynchronous

    def close(self) -> None:
        """Close the connections and end the thread; the client can be used again."""
        self._thread.run(self._client.close())
        self._thread.stop()


def _listed(messages: Any) -> Any:
    return messages if isinstance(messages, str) else list(messages)  # a text is refused with what is wrong
