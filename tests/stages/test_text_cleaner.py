"""Stages that replace a text."""

from __future__ import annotations

import pyarrow as pa

from nemo_sdg.errors import ParseError
from nemo_sdg.stages.rows import split_rejected
from nemo_sdg.stages.text_cleaner import TextCleaner


class Half(TextCleaner):
    def clean(self, text):
        if not text:
            raise ParseError("nothing to halve")
        return text[: len(text) // 2]


def test_a_column():
    """Texts are replaced, null stays null, a row that `clean` refuses is rejected, other columns stay."""
    batch = pa.table({"row_id": [0, 1, 2], "body": ["abcd", None, ""], "n": [1, 2, 3]})
    made, [rejection] = split_rejected(Half("body").process(batch))

    assert made["body"].to_pylist() == ["ab", None]
    assert made["n"].to_pylist() == [1, 2]
    assert (rejection.row_id, rejection.stage, rejection.message) == (2, "half", "nothing to halve")


def test_no_rows():
    """A batch without rows stays one."""
    assert Half().process(pa.table({"text": pa.array([], pa.string())})).num_rows == 0
