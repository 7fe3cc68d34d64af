"""Conversations as one prompt string, for servers that take no list of messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class ConversationFormatter(ABC):
    """Represents a way of formatting a conversation with an LLM such that it can respond appropriately.

    A client that is given one asks the server's `/completions` with the formatted text.
    """

    @abstractmethod
    def format_conversation(self, conv: list[dict[str, Any]]) -> str:
        """Return the prompt for `conv`, a list of `{"role": ..., "content": ...}` in order of speaking."""
