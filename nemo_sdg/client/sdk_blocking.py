"""A synchronous SDK client in the place of an asynchronous one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import openai


class BlockingSDKClient:
    """An `openai.OpenAI`, or a function that makes one: `SDKTransport` asks it in threads.

    Raises `ConfigError` for anything else.
    """

    def __init__(self, source: openai.OpenAI | Callable[[], openai.OpenAI]) -> None:
        self.ready = isinstance(source, getattr(sys.modules.get("openai"), "OpenAI", ()))
        """Whether it is a client, which belongs to whoever gave it."""
        if not self.ready and not callable(source):
            # Without its value: people give their key first.
            raise ConfigError(
                f"openai_client is a {type(source).__name__}: give an openai.OpenAI, or a function that "
                "makes one; give other arguments by name"
            )
        self._source: Any = source

    def __call__(self) -> Any:
        """Return the client."""
        return self._source if self.ready else self._source()

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a function travel; refuse to take a client along."""
        if self.ready:
            raise ConfigError(
                "an openai.OpenAI object cannot travel to another process: give a function that makes one, "
                "as in OpenAIClient(lambda: AzureOpenAI(...))"
            )
        return (BlockingSDKClient, (self._source,))
