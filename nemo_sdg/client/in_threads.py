"""A synchronous client where an asynchronous one is wanted."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.base import AsyncLLMClient
from nemo_sdg.client.flat import FLAT
from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.client.llm_client import LLMClient
from nemo_sdg.client.openai_sync import OpenAIClient
from nemo_sdg.client.reward import REWARD_CONFIG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.client.conversation import ConversationFormatter


class InThreads(AsyncLLMClient):
    """Asks a synchronous client from one thread at a time, for it may not be made for several."""

    def __init__(self, client: LLMClient) -> None:
        super().__init__(max_concurrent_requests=1)
        self.client = client
        self._lock = threading.Lock()  # a cancelled request gives its slot back, but its thread goes on

    def __getstate__(self) -> dict[str, Any]:
        """Leave the lock behind too."""
        state = super().__getstate__()
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew in another process."""
        super().__setstate__(state)
        self._lock = threading.Lock()

    def setup(self) -> None:
        """Set up the client underneath."""
        self.client.setup()

    async def _query_model_impl(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        def ask() -> list[str]:
            with self._lock:
                if generation_config == REWARD_CONFIG and self._scores:
                    return [self._scored(messages, model, conversation_formatter)]
                config = _config_for(self.client, generation_config)
                return self.client.query_model(
                    messages=messages, model=model, conversation_formatter=conversation_formatter, **config
                )

        return await asyncio.to_thread(ask)

    @property
    def _scores(self) -> bool:
        return type(self.client).query_reward_model is not LLMClient.query_reward_model

    def _scored(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None,
    ) -> str:
        """Return the scores of a reward model as servers write them."""
        more = {} if conversation_formatter is None else {"conversation_formatter": conversation_formatter}
        scores = self.client.query_reward_model(messages=messages, model=model, **more)
        return ",".join(f"{name}:{score!r}" for name, score in scores.items())


def _config_for(client: LLMClient, config: GenerationConfig | dict[str, Any] | None) -> dict[str, Any]:
    """Return the arguments that tell `client` how to generate: one, or one by one where it takes them so."""
    names = inspect.signature(client.query_model).parameters
    kinds = {parameter.kind for parameter in names.values()}
    if "generation_config" in names or inspect.Parameter.VAR_KEYWORD in kinds:
        return {"generation_config": config}
    read = GenerationConfig.of(config)
    return {name: getattr(read, name) for name in FLAT if name in names}


def asynchronous(client: AsyncLLMClient | LLMClient) -> AsyncLLMClient:
    """Return `client`, or for a synchronous one an asynchronous client that asks the same server."""
    if isinstance(client, AsyncLLMClient):
        return client
    return client.asynchronous if isinstance(client, OpenAIClient) else InThreads(client)
