"""How many tokens a text has: by a Hugging Face tokenizer, or approximately without one."""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.approximate_tokens import ApproximateTokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INSTALL = "pip install 'nemo-sdg[tokenizers]'"


class TokenCounter(Protocol):
    """Counts tokens."""

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special ones at its ends."""
        ...


_APPROXIMATE = ApproximateTokens()


def token_counter(tokenizer: str | None = None) -> TokenCounter:
    """Return the counter for `tokenizer`; the same one each time.

    `tokenizer` is a tokenizer.json, a folder that has one, or the name of a model on the Hugging Face hub;
    None: `ApproximateTokens`. Tokenizers that have no tokenizer.json need transformers. Raises `ConfigError`
    when it cannot be loaded.
    """
    return _APPROXIMATE if tokenizer is None else _counter(check_tokenizer(tokenizer) or "")


@lru_cache(maxsize=8)
def _counter(tokenizer: str) -> TokenCounter:
    path = Path(tokenizer).expanduser()
    if path.is_dir():
        path /= "tokenizer.json"
    if path.is_file():
        return _Fast(_loaded(tokenizer, lambda tokenizers: tokenizers.Tokenizer.from_file(str(path))))
    if Path(tokenizer).expanduser().is_dir():
        return _slow(tokenizer, f"there is no tokenizer.json in {tokenizer}")
    if tokenizer.endswith(".json") or tokenizer.startswith((".", "/", "~")):
        raise ConfigError(f"tokenizer is {tokenizer!r}, which does not exist: give the path of one that does")
    try:
        return _Fast(_loaded(tokenizer, lambda tokenizers: tokenizers.Tokenizer.from_pretrained(tokenizer)))
    except _NotLoadedError as error:
        return _slow(tokenizer, str(error))


def check_tokenizer(tokenizer: object) -> str | None:
    """Return `tokenizer` when it may name one, else raise `ConfigError`; nothing is loaded."""
    if tokenizer is not None and (not isinstance(tokenizer, str) or not tokenizer):
        raise ConfigError(
            f"tokenizer is {tokenizer!r}: give the name of a model on the Hugging Face hub, the path of a "
            "tokenizer.json, or None to count approximately"
        )
    return tokenizer


class _NotLoadedError(ConfigError):
    """There is a library for tokenizers, but it cannot load this one."""


class _Fast:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # A tokenizer may be saved with settings for one model's batches, which would make counts wrong.
        tokenizer.no_truncation()
        tokenizer.no_padding()

    def counts(self, texts: Sequence[str]) -> list[int]:
        encodings = self._tokenizer.encode_batch_fast(
            [_text(text) for text in texts], add_special_tokens=False
        )
        return [len(encoding) for encoding in encodings]


class _Slow:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode(_text(text), add_special_tokens=False)) for text in texts]


def _loaded(name: str, load: Callable[[Any], Any]) -> Any:
    try:
        tokenizers = importlib.import_module("tokenizers")  # an extra, and slow to import
    except ImportError:
        raise ConfigError(
            f"tokenizer is {name!r}, and tokenizers is not installed: {_INSTALL}, or leave the tokenizer out "
            "to count approximately"
        ) from None
    try:
        return load(tokenizers)
    except Exception as error:  # noqa: BLE001 - the library raises plain exceptions
        raise _NotLoadedError(
            f"the tokenizer {name!r} cannot be loaded: {_first_line(error)}; check the name, whether it "
            "needs HF_TOKEN, and the network, or give the path of its tokenizer.json"
        ) from None


def _slow(name: str, why: str) -> TokenCounter:
    try:
        transformers = importlib.import_module("transformers")  # slower still, and seldom needed
    except ImportError:
        raise ConfigError(
            f"{why}; tokenizers without a tokenizer.json need transformers: pip install transformers"
        ) from None
    try:
        return _Slow(transformers.AutoTokenizer.from_pretrained(name))
    except Exception as error:  # noqa: BLE001 - it raises whatever its many backends raise
        raise ConfigError(f"{why}; nor can transformers load it: {_first_line(error)}") from None


def _text(text: str) -> str:
    """Return `text` without halves of surrogate pairs, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
