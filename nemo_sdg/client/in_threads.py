"""A synchronous client where an asynchronous one is wanted."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.base import AsyncLLMClient
from nemo_sdg.client.openai_sync import OpenAIClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig
    from nemo_sdg.client.llm_client import LLMClient


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
                return self.client.query_model(messages, model, conversation_formatter, generation_config)

        return await asyncio.to_thread(ask)


def asynchronous(client: AsyncLLMClient | LLMClient) -> AsyncLLMClient:
    """Return `client`, or for a synchronous one an asynchronous client that asks the same server."""
    if isinstance(client, AsyncLLMClient):
        return client
    return client.asynchronous if isinstance(client, OpenAIClient) else InThreads(client)
