"""From documents to segments that a model can take."""

from __future__ import annotations

from typing import get_args

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns, text_column
from nemo_sdg.stages.filter_tokens import check_tokens
from nemo_sdg.stages.rows import set_column
from nemo_sdg.stages.segments import TooLong, segments_of
from nemo_sdg.stages.token_counter import check_tokenizer, token_counter

SEGMENT = "segment"
SEGMENTS = "segments"


class DocumentSplitter(Stage):
    """Makes a row for each segment of a document; they follow each other and have the document's `row_id`.

    Texts are cut at `separator`. With `max_tokens`, adjacent pieces stay together up to that limit, and a
    piece that is longer by itself is cut between its sentences, words or characters ("split"), or left out
    ("drop"): see `segments_of`. Segments that stay below `min_tokens` tokens are left out; at 0 nothing is.
    `tokenizer` is a Hugging Face one (see `token_counter`); None: an approximate count.

    Needs `column`; null has no segments. Adds `segment` (0, 1, ...) and `segments` (how many there are), and
    puts the text into `output` (None: `column`); where that is another column, `column` is left out, so that
    no segment carries its whole document. `DocumentJoiner` puts them together again. Raises `ConfigError`
    for arguments that cannot be used.
    """

    def __init__(
        self,
        *,
        column: str = "text",
        output: str | None = None,
        separator: str = "\n",
        max_tokens: int | None = None,
        min_tokens: int = 0,
        too_long: TooLong = "split",
        tokenizer: str | None = None,
    ) -> None:
        self.column = check_column(column, "column")
        self.output = check_new_columns([output or column], "output")[0]
        if not isinstance(separator, str) or not separator:
            raise ConfigError(f'separator is {separator!r}: give a text, such as "\\n"')
        if too_long not in get_args(TooLong):
            raise ConfigError(f"too_long is {too_long!r}: give one of {', '.join(get_args(TooLong))}")
        self.separator = separator
        self.max_tokens = check_tokens("max_tokens", max_tokens, 1)
        self.min_tokens = check_tokens("min_tokens", min_tokens) or 0
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ConfigError(
                f"min_tokens ({min_tokens}) is more than max_tokens ({max_tokens}): no segment is kept"
            )
        self.too_long: TooLong = too_long
        self.tokenizer = check_tokenizer(tokenizer)
        self.requires = (column,)
        self.adds = (self.output, SEGMENT, SEGMENTS)

    def setup(self) -> None:
        """Load the tokenizer."""
        token_counter(self.tokenizer)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return a row for each segment; a document without any is left out."""
        taken: list[int] = []
        numbers: list[int] = []
        of: list[int] = []
        texts: list[str] = []
        for position, text in enumerate(text_column(batch, self.column, self.name).to_pylist()):
            segments = [] if text is None else self._segments(text)
            taken += [position] * len(segments)
            numbers += range(len(segments))
            of += [len(segments)] * len(segments)
            texts += segments
        rows = batch if self.output == self.column else batch.drop_columns([self.column])
        rows = rows.take(pa.array(taken, pa.int64()))
        rows = set_column(rows, self.output, pa.array(texts, pa.string()))
        rows = set_column(rows, SEGMENT, pa.array(numbers, pa.int32()))
        return set_column(rows, SEGMENTS, pa.array(of, pa.int32()))

    def _segments(self, text: str) -> list[str]:
        counter = token_counter(self.tokenizer)
        made = segments_of(
            text,
            counter,
            self.max_tokens,
            min_tokens=self.min_tokens,
            separator=self.separator,
            too_long=self.too_long,
        )
        if not self.min_tokens:
            return made
        sizes = counter.counts([segment.strip() for segment in made])
        return [segment for segment, size in zip(made, sizes, strict=True) if size >= self.min_tokens]
