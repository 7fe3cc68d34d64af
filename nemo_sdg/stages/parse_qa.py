"""From a model's answer to a question and its answer."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import text_column
from nemo_sdg.stages.qa_text import find_pair
from nemo_sdg.stages.rows import map_rows, set_column
from nemo_sdg.stages.shown import beginning

_FIELDS = (pa.field("question", pa.string()), pa.field("answer", pa.string()))
_BATCH_COLUMN = ("text",)


class ParseQuestionAnswer(Stage):
    """Finds the question and the answer in the column `text`, labelled or as JSON; the first pair of several.

    Adds `question` and `answer` without bold markers; in `text` every `*` is deleted. With `required` a row
    that lacks either is rejected with `ParseError`, else what is not found is null.
    """

    requires = ("text",)
    adds = ("text", "question", "answer")

    def __init__(self, required: bool = True) -> None:
        if not isinstance(required, bool):
            raise ConfigError(f"required is {required!r}: give true or false")
        self.required = required

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the question and the answer as columns."""
        text = text_column(batch, "text", self.name)
        batch = set_column(batch, "text", text)
        parsed = map_rows(batch, self._parse, _FIELDS, self.name, _BATCH_COLUMN)
        return set_column(parsed, "text", pc.replace_substring(text, "*", ""))

    def _parse(self, row: dict[str, Any]) -> dict[str, str | None]:
        text = row["text"]
        if text is None:
            if self.required:
                raise ParseError("the text is null: expected a question and its answer")
            return {}
        found = find_pair(text)
        if self.required and not (found.question and found.answer):
            missing = "a question and its answer"
            if found.question or found.answer:
                missing = "an answer" if found.question else "a question"
            raise ParseError(
                f'expected {missing}, labelled as in "Question: ... Answer: ..."; found {beginning(text)}'
            )
        return found._asdict()
