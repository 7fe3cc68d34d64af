"""Tokens of one request, as limits count them."""

from __future__ import annotations

from typing import NamedTuple


class Tokens(NamedTuple):
    """Tokens that a request takes, or is thought to take."""

    prompt: int = 0
    completion: int = 0

    @property
    def total(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


NO_TOKENS = Tokens()
