"""Sampling parameters that are given one by one, beside a generation config."""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.generation_config import GenerationConfig

if TYPE_CHECKING:
    from collections.abc import Iterator


class NotGiven(enum.Enum):
    """The type of `NOT_GIVEN`, the default of an argument for which None means something else."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        """Show it as it is written."""
        return self.name


NOT_GIVEN = NotGiven.NOT_GIVEN
FLAT = ("max_tokens", "n", "seed", "stop", "stream", "temperature", "top_k", "top_p")
"""The parameters of a generation config that are arguments of `query_model` too."""


def with_flat(config: GenerationConfig | dict[str, Any] | None, *flat: Any) -> Any:
    """Return `config` with those of the values `flat`, in the order of `FLAT`, that are given.

    None is given: it leaves the parameter out of the request. `config` itself comes back, unread, when none
    is. Raises `ConfigError` as `GenerationConfig` does.
    """
    if flat == _NONE_GIVEN:
        return config
    given = dict(_given(flat))
    return replace(GenerationConfig.of(config), **given) if given else config


def _given(flat: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in zip(FLAT, flat, strict=True):
        # The SDK has marks of its own for what is not given, which its users pass on.
        if value is not NOT_GIVEN and not type(value).__module__.startswith("openai"):
            yield name, False if name == "stream" and value is None else value


_NONE_GIVEN = (NOT_GIVEN,) * len(FLAT)
