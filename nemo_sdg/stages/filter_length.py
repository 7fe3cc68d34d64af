"""Keeping rows by the length of their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, text_column

if TYPE_CHECKING:
    import pyarrow as pa

# RE2's \s knows only ASCII.
_WORD = r"[^\s\p{Z}\x{0b}\x{85}]+"


class LengthFilter(Stage):
    """Keeps the rows whose text has a length within the bounds, which belong to what is kept.

    Characters are Unicode code points; words are what white space parts, so a sentence in Chinese is one.
    Needs `column`; null is dropped. Raises `ConfigError` for bounds that cannot be used, or none.
    """

    def __init__(
        self,
        *,
        column: str = "text",
        min_chars: int | None = None,
        max_chars: int | None = None,
        min_words: int | None = None,
        max_words: int | None = None,
    ) -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)
        self.min_chars, self.max_chars = _checked("chars", min_chars, max_chars)
        self.min_words, self.max_words = _checked("words", min_words, max_words)
        if all(bound is None for bound in (min_chars, max_chars, min_words, max_words)):
            raise ConfigError("no bound given: give min_chars, max_chars, min_words or max_words")

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows within the bounds."""
        text = text_column(batch, self.column, self.name)
        kept = pc.is_valid(text)
        if self.min_chars is not None or self.max_chars is not None:
            kept = pc.and_(kept, _within(pc.utf8_length(text), self.min_chars, self.max_chars))
        if self.min_words is not None or self.max_words is not None:
            words = pc.count_substring_regex(text, _WORD)
            kept = pc.and_(kept, _within(words, self.min_words, self.max_words))
        return batch.filter(pc.fill_null(kept, fill_value=False))


def _within(length: pa.ChunkedArray, least: int | None, most: int | None) -> pa.ChunkedArray:
    inside = pc.is_valid(length)
    if least is not None:
        inside = pc.and_(inside, pc.greater_equal(length, least))
    if most is not None:
        inside = pc.and_(inside, pc.less_equal(length, most))
    return inside


def _checked(unit: str, least: int | None, most: int | None) -> tuple[int | None, int | None]:
    for name, bound in ((f"min_{unit}", least), (f"max_{unit}", most)):
        if bound is not None and (type(bound) is not int or bound < 0):
            raise ConfigError(f"{name} is {bound!r}: give a whole number of at least 0, or None")
    if least is not None and most is not None and least > most:
        raise ConfigError(f"min_{unit} ({least}) is more than max_{unit} ({most}): no text is kept")
    return least, most
