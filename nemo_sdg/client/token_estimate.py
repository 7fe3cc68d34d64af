"""How many tokens a request will take, learnt from those before it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from nemo_sdg.limits import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.client.generation_config import GenerationConfig

_CHARACTERS = 4.0
"""Of a token, in English; other languages take more tokens, which shows in the first answers."""
_ROLE = 4
"""Tokens that a message takes besides its text."""
_COMPLETION = 256.0
"""Tokens of an answer, before there was any and where no `max_tokens` is given."""
_MEMORY = 50
"""Answers over which averages are taken."""


class TokenEstimate:
    """Estimates requests to one model by the characters of their prompts and the mean length of answers.

    Right on average, which is what a budget of tokens per minute needs; each estimate is settled with what
    the server counted.
    """

    def __init__(self) -> None:
        self._per_character = 1 / _CHARACTERS
        self._completion = _COMPLETION
        self._answers = 0
        self._learnt_at = math.inf

    def of(self, messages: Iterable[Mapping[str, Any]], config: GenerationConfig | None) -> Tokens:
        """Return the tokens that a request with `messages` will take."""
        completion = self._completion
        if config is not None:
            choices, most = config.n or 1, config.max_tokens
            if most is not None:
                completion = min(completion, most) if self._answers else most
            completion *= choices
        return Tokens(int(_characters(messages) * self._per_character) + 1, int(completion))

    def charged(self, estimate: Tokens, used: Tokens | None, began: float) -> Tokens | None:
        """Return what a request that `began` then has cost a budget; None: what was estimated.

        What the first estimates were too high by is not given back: the endpoint's allowance for it ran over
        when nobody used it, and to send that much at once later would be too much.
        """
        guessed = began < self._learnt_at
        return None if guessed and used is not None and used.total < estimate.total else used

    def learn(self, messages: Iterable[Mapping[str, Any]], choices: int, used: Tokens) -> None:
        """Take in what a server counted."""
        if not self._answers:
            self._learnt_at = time.monotonic()
        self._answers = min(self._answers + 1, _MEMORY)
        part = 1 / self._answers
        if used.prompt > 0:
            per_character = used.prompt / max(1, _characters(messages))
            self._per_character += part * (per_character - self._per_character)
        self._completion += part * (used.completion / max(1, choices) - self._completion)


def _characters(messages: Iterable[Mapping[str, Any]]) -> int:
    total = 0
    for message in messages:
        content = message.get("content")
        if type(content) is str:
            total += len(content)
        elif isinstance(content, list):  # parts, of which those of text have one
            total += sum(len(part.get("text", "")) for part in content if isinstance(part, dict))
        total += _ROLE
    return total
