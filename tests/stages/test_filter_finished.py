"""Keeping answers that were not cut off."""

from __future__ import annotations

import pyarrow as pa

from nemo_sdg.stages.filter_finished import FinishedFilter


def test_what_was_cut_off_goes():
    """Only "length" says that an answer was cut off; what the server does not explain stays."""
    reasons = ["stop", "length", None, "content_filter", "eos"]
    made = FinishedFilter().process(pa.table({"finish_reason": reasons, "n": range(5)}))

    assert made["n"].to_pylist() == [0, 2, 3, 4]


def test_another_column():
    """The column of a stage with a prefix can be named."""
    made = FinishedFilter("distill_finish_reason").process(pa.table({"distill_finish_reason": ["length"]}))

    assert made.num_rows == 0
