"""From a model's questions and answers to a text with some of them behind it."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_present, text_column
from nemo_sdg.stages.filter_finished import CUT_OFF
from nemo_sdg.stages.qa_pairs import find_pairs
from nemo_sdg.stages.rows import ROW_ID, map_rows, set_column
from nemo_sdg.stages.shown import beginning
from nemo_sdg.stages.token_counter import check_tokenizer, token_counter

PAIRS = "pairs"
_TOKENS = 150
"""Of the text, for which `max_pairs` pairs may be kept."""
_TELL_APART = (ROW_ID, "segment", "choice")


class AppendPairs(Stage):
    """Puts a text and some of the questions and answers to it where a model's answer was.

    The pairs are found in `column` and shuffled; of a text in `source` with t tokens a random number of them
    is kept, from 1 to `max_pairs` x t / 150 (arXiv 2412.02595) or as many as there are, and put behind the
    text. What is drawn depends on `seed` and the row's `row_id`, `segment` and `choice`, so that it is the
    same in every run. Of an answer that was cut off (`finish_reason`) the last pair is not used. `tokenizer`
    is a Hugging Face one (see `token_counter`); None: an approximate count.

    Needs `column` and `source`. Adds `pairs`: how many were kept. A row without a whole pair is rejected with
    `ParseError`. Raises `ConfigError` for arguments that cannot be used.
    """

    def __init__(
        self,
        *,
        column: str = "text",
        source: str = "source_text",
        max_pairs: int = 10,
        seed: int = 0,
        tokenizer: str | None = None,
    ) -> None:
        self.column = check_column(column, "column")
        self.source = check_column(source, "source")
        if self.column == self.source:
            raise ConfigError(f"column and source are both {column!r}: give two columns")
        for name, number, least in (("max_pairs", max_pairs, 1), ("seed", seed, 0)):
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise ConfigError(f"{name} is {number!r}: give a whole number of at least {least}")
        self.max_pairs = max_pairs
        self.seed = seed
        self.tokenizer = check_tokenizer(tokenizer)
        self.requires = (column, source)
        self.adds = (column, PAIRS)

    def setup(self) -> None:
        """Load the tokenizer."""
        token_counter(self.tokenizer)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the texts and their pairs."""
        check_present(batch, self.requires, self.name, self.column_hint)
        for column in (self.column, self.source):
            batch = set_column(batch, column, text_column(batch, column, self.name))
        fields = [pa.field(self.column, pa.string()), pa.field(PAIRS, pa.int32())]
        there = [name for name in (*_TELL_APART, "finish_reason") if name in batch.column_names]
        return map_rows(batch, self._appended, fields, self.name, [self.column, self.source, *there])

    def _appended(self, row: dict[str, Any]) -> dict[str, Any]:
        answer, source = row[self.column], row[self.source]
        if answer is None or source is None:
            raise ParseError(f"{self.column if answer is None else self.source} is null")
        pairs = find_pairs(answer)
        if row.get("finish_reason") == CUT_OFF:
            pairs = pairs[:-1]
        if not pairs:
            raise ParseError(
                f'expected pairs, labelled as in "Question: ... Answer: ..."; found {beginning(answer)}'
            )
        which = ":".join(str(row.get(name, 0)) for name in _TELL_APART)
        chance = random.Random(f"{self.seed}:{which}")
        chance.shuffle(pairs)
        tokens = token_counter(self.tokenizer).counts([source])[0]
        most = max(1, self.max_pairs * tokens // _TOKENS)
        kept = pairs[: chance.randint(1, most)]
        written = [f"Question: {pair.question}\nAnswer: {pair.answer}" for pair in kept]
        return {self.column: "\n\n".join([source.strip(), *written]), PAIRS: len(kept)}
