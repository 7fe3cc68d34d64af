"""Keeping rows by the number of tokens of their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, text_column
from nemo_sdg.stages.token_counter import check_tokenizer, token_counter

if TYPE_CHECKING:
    from collections.abc import Iterable


class TokenCountFilter(Stage):
    """Keeps the rows whose text has a number of tokens within the bounds, which belong to what is kept.

    Special tokens do not count. `tokenizer` is a Hugging Face one (see `token_counter`); None: an
    approximate count. Needs `column`; null is dropped. Raises `ConfigError` for bounds that cannot be used,
    or none.
    """

    def __init__(
        self,
        *,
        column: str = "text",
        min_tokens: int | None = None,
        max_tokens: int | None = None,
        tokenizer: str | None = None,
    ) -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)
        if min_tokens is None and max_tokens is None:
            raise ConfigError("no bound given: give min_tokens or max_tokens")
        self.min_tokens = check_tokens("min_tokens", min_tokens)
        self.max_tokens = check_tokens("max_tokens", max_tokens)
        if min_tokens is not None and max_tokens is not None and min_tokens > max_tokens:
            raise ConfigError(
                f"min_tokens ({min_tokens}) is more than max_tokens ({max_tokens}): no text is kept"
            )
        self.tokenizer = check_tokenizer(tokenizer)

    def setup(self) -> None:
        """Load the tokenizer."""
        token_counter(self.tokenizer)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows within the bounds."""
        texts = text_column(batch, self.column, self.name).to_pylist()
        counts = token_counter(self.tokenizer).counts([text or "" for text in texts])
        pairs = zip(texts, counts, strict=True)
        return batch.filter(pa.array(list(self._kept(pairs)), pa.bool_()))

    def _kept(self, pairs: Iterable[tuple[str | None, int]]) -> Iterable[bool]:
        least = self.min_tokens or 0
        for text, tokens in pairs:
            yield (
                text is not None
                and tokens >= least
                and (self.max_tokens is None or tokens <= self.max_tokens)
            )


def check_tokens(name: str, number: object, least: int = 0) -> int | None:
    """Return a number of tokens or None; raises `ConfigError` naming the argument for anything else."""
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise ConfigError(f"{name} is {number!r}: give a whole number of at least {least}, or None")
    return number
