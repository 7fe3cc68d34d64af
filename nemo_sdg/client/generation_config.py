"""How the model is asked to generate."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Any

from nemo_sdg.errors import ConfigError

_BREAKS = re.compile(r"[\r\n\0]")


@dataclass(frozen=True)
class GenerationConfig:
    """Configuration class for LLM generation parameters.

    A parameter that is None is left out of the request, so the server's own default holds.
    Raises `ConfigError` at construction for a value that no server takes.
    """

    max_tokens: int | None = 2048
    """Most tokens to generate for one completion."""
    n: int | None = 1
    """Completions for each request."""
    seed: int | None = 0
    """Sampling seed, for servers that have one."""
    stop: str | list[str] | None = None
    """Texts at which generation ends."""
    stream: bool = False
    """Ask for the answer in pieces; it is put together before it is returned."""
    temperature: float | None = 0.0
    """0.0 to 2.0; 0 takes the likeliest token each time, so equal prompts give equal answers."""
    top_k: int | None = None
    """Sample among the k likeliest tokens, for servers that can (-1: among all)."""
    top_p: float | None = 0.95
    """Sample among the likeliest tokens that together have this probability, above 0 and up to 1."""
    extra_kwargs: dict[str, Any] | None = None
    """Further fields of the request; they win over the parameters above. `extra_body`, `extra_headers`
    and `extra_query` mean what they mean in the OpenAI SDK."""

    def __post_init__(self) -> None:
        """Check every value."""
        _whole("max_tokens", self.max_tokens, least=1, most=2**63 - 1)
        _whole("n", self.n, least=1)
        _whole("seed", self.seed, least=-(2**63), most=2**63 - 1)
        _number("temperature", self.temperature, 0.0, 2.0)
        _number("top_p", self.top_p, 0.0, 1.0)
        if self.top_p == 0:
            raise ConfigError("top_p is 0: give a number above 0 and up to 1, or None to leave it out")
        _whole("top_k", self.top_k, least=-1)
        if not isinstance(self.stream, bool):
            raise ConfigError(f"stream is {self.stream!r}: give true or false")
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        if stop is not None and not (
            isinstance(stop, (list, tuple)) and all(isinstance(text, str) for text in stop)
        ):
            raise ConfigError(f"stop is {self.stop!r}: give a text or a list of texts")
        if self.extra_kwargs is not None:
            _check_extra(self.extra_kwargs)

    def with_seed(self, seed: int) -> GenerationConfig:
        """Return a copy with another seed; cheap, for it is made for every row."""
        copy = object.__new__(GenerationConfig)
        copy.__dict__.update(self.__dict__, seed=seed)
        return copy

    @classmethod
    def of(cls, value: GenerationConfig | dict[str, Any] | None) -> GenerationConfig:
        """Return `value` as a GenerationConfig: itself, made from a dict, or the defaults for None."""
        if value is None:
            return cls()
        if isinstance(value, GenerationConfig):
            return value
        if not isinstance(value, Mapping):
            raise ConfigError(f"generation_config is {value!r:.80}: give a GenerationConfig or a dict")
        unknown = sorted({str(name) for name in value} - {field.name for field in fields(cls)})
        if unknown:
            names = [field.name for field in fields(cls)]
            near = difflib.get_close_matches(unknown[0], names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(names)}"
            raise ConfigError(
                f"generation_config has no {unknown[0]!r}: {hint} Other request fields go into extra_kwargs."
            )
        return cls(**value)


def _whole(name: str, value: object, least: int, most: int | None = None) -> None:
    if value is None:
        return
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or value < least
        or (most is not None and value > most)
    ):
        bound = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ConfigError(f"{name} is {value!r}: give a whole number {bound}, or None to leave it out")


def _number(name: str, value: object, least: float, most: float) -> None:
    if value is None:
        return
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigError(
            f"{name} is {value!r}: give a number from {least} to {most}, or None to leave it out"
        )


def _check_extra(extra: object) -> None:
    if not isinstance(extra, dict):
        raise ConfigError(f"extra_kwargs is {extra!r:.80}: give a dict of request fields")
    if not all(isinstance(name, str) for name in extra):
        raise ConfigError(f"extra_kwargs has the names {list(extra)!r:.80}: give texts")
    for name in ("extra_body", "extra_headers", "extra_query"):
        if not isinstance(extra.get(name), (dict, NoneType)):
            raise ConfigError(f"{name} in extra_kwargs is a {type(extra[name]).__name__}: give a dict")
    for name, value in (extra.get("extra_headers") or {}).items():
        if not (isinstance(name, str) and isinstance(value, str)) or _BREAKS.search(name + value):
            # Without the value: it may be a credential.
            raise ConfigError(f"extra_headers in extra_kwargs has {name!r}: give it as one line of text")
