"""Conversations as one prompt string, for servers that take no list of messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class ConversationFormatter(ABC):
    """Represents a way of formatting a conversation with an LLM such that it can respond appropriately.

    A client that is given one asks the server's `/completions` with the formatted text.
    """

    special_tokens: bool = False
    """Whether prompts hold all special tokens that the model is to see, the one for the beginning too: then a
    server that can be told so adds none."""

    @property
    def identity(self) -> str:
        """What tells formatters apart that make other prompts: answers are found again by it.

        The name of the class, unless a subclass has settings.
        """
        return type(self).__qualname__

    @abstractmethod
    def format_conversation(self, conv: list[dict[str, Any]]) -> str:
        """Return the prompt for `conv`, a list of `{"role": ..., "content": ...}` in order of speaking.

        Raises `TemplateError` for one that cannot be formatted: its row is rejected, unasked.
        """


class Formatted(ConversationFormatter):
    """A conversation that has been formatted, so that further attempts need not do it again."""

    def __init__(self, prompt: str, *, special_tokens: bool) -> None:
        self._prompt = prompt
        self.special_tokens = special_tokens

    def format_conversation(self, conv: list[dict[str, Any]]) -> str:  # noqa: ARG002 - it is that one
        """Return the prompt."""
        return self._prompt
