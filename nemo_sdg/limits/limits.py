"""What an endpoint allows, as a person says it."""

from __future__ import annotations

import math
from typing import Any, Self

import msgspec

from nemo_sdg.errors import ConfigError


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one endpoint allows one credential for one model, all workers and jobs together; None: not said.

    Raises `ConfigError` for a value that is no limit.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    """Prompt and completion tokens together."""
    max_concurrent_requests: int | None = None
    """Requests in flight, over all workers."""

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and 0 < value < math.inf):
                raise ConfigError(f"limits.{name} is {value!r}: give a number above 0, or leave it out")
        most = self.max_concurrent_requests
        if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
            raise ConfigError(
                f"limits.max_concurrent_requests is {most!r}: give a whole number of at least 1, "
                "or leave it out"
            )

    @classmethod
    def of(cls, value: Limits | dict[str, Any] | None) -> Self | Limits:
        """Return the limits that `value` gives; raises `ConfigError` for unknown names."""
        if isinstance(value, Limits):
            return value
        if value is None:
            return cls()
        names = cls.__struct_fields__
        unknown = sorted(set(value) - set(names)) if isinstance(value, dict) else [repr(value)]
        if unknown:
            raise ConfigError(f"limits has no {unknown[0]}: it takes {', '.join(names)}")
        return cls(**value)
