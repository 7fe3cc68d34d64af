"""What tokens cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from nemo_sdg.errors import ConfigError

_MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """What the endpoint charges for a million tokens, in any currency."""

    prompt: float
    """Money for a million prompt tokens."""
    completion: float
    """Money for a million completion tokens."""

    def __post_init__(self) -> None:
        """Check every value."""
        for name in ("prompt", "completion"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                raise ConfigError(
                    f"prices.{name} is {value!r}: give the money for a million {name} tokens, at least 0"
                )

    @classmethod
    def of(cls, value: Self | Mapping[str, Any] | None) -> Self | None:
        """Return `value` as prices; a mapping has `prompt` and `completion`."""
        if value is None or isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"prices is {value!r:.80}: give prompt and completion, in money per million tokens"
            )
        for name in ("prompt", "completion"):
            if name not in value:
                raise ConfigError(f"prices.{name} is missing: give the money for a million {name} tokens")
        for name in value:
            if name not in ("prompt", "completion"):
                raise ConfigError(f"prices has no {name!r}: it takes prompt and completion")
        return cls(**value)

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return the money for so many tokens."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / _MILLION
