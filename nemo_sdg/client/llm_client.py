"""The synchronous client interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.flat import NOT_GIVEN, NotGiven

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
        """Return the `n` texts that `model` answers to `messages`.

        A parameter that is given by itself wins over the one of `generation_config`.
        """

    def query_reward_model(
        self,
        *,
        messages: Iterable[Mapping[str, Any]],
        model: str,
        conversation_formatter: ConversationFormatter | None = None,
    ) -> dict[str, float]:
        """Return a reward model's scores of the answer that ends `messages`, by attribute."""
        raise NotImplementedError(f"{type(self).__name__} asks no reward models: use an OpenAIClient")
