"""What the server said to one request, with nothing thrown away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nemo_sdg.limits import Seen, Tokens


class Usage(NamedTuple):
    """Tokens that the server counted; 0 where it said nothing."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """The part of `completion_tokens` that is reasoning."""
    cached_tokens: int = 0
    """The part of `prompt_tokens` that the server had in its cache."""

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def tokens(self) -> Tokens | None:
        """What limits count of these; None where the server said nothing."""
        return Tokens(self.prompt_tokens, self.completion_tokens) if self != NO_USAGE else None


NO_USAGE = Usage()


@dataclass(slots=True)
class Completion:
    """The answer to one request: `n` texts and what came with them; the lists run in step."""

    texts: list[str]
    """One for each choice, in the server's order of `index`; "" where the server sent null."""
    finish_reasons: list[str | None]
    """Why each text ended: "stop", "length", "content_filter", ..."""
    usage: Usage = NO_USAGE
    reasoning: list[str | None] = field(default_factory=list)
    """The reasoning text of each choice, from servers that send it apart."""
    logprobs: list[Any] = field(default_factory=list)
    """The `logprobs` object of each choice, as sent."""
    model: str | None = None
    """The model that the server says has answered."""
    request_id: str | None = None
    latency: float = 0.0
    """Seconds of the attempt that succeeded."""
    attempts: int = 1
    """HTTP tries that were made, throttled ones included."""
    throttles: int = 0
    """Of those, the ones that the endpoint turned away because it was full."""
    hedged: int = 0
    """Of `attempts`, those that were sent besides one that took long; not those that are in `throttles`."""
    limits: Seen | None = None
    """What the answer's headers told of the endpoint's limits."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The whole decoded body."""

    @property
    def withheld(self) -> bool:
        """Whether the server's content filter has left no text at all."""
        return not any(self.texts) and set(self.finish_reasons) == {"content_filter"}
