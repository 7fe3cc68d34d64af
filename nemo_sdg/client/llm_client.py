"""The synchronous client interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig


class LLMClient(ABC):
    """Interface representing a client that asks an LLM inference server, one request at a time."""

    @abstractmethod
    def setup(self) -> None:
        """Set up the client; called once where it is used, after any pickling."""

    @abstractmethod
    def query_model(
        self,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
        generation_config: GenerationConfig | dict[str, Any] | None = None,
    ) -> list[str]:
        """Return the `n` texts that `model` answers to `messages`."""
