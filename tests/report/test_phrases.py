from __future__ import annotations

import math

import pytest

from nemo_sdg.report.numbers import Counts
from nemo_sdg.report.phrases import cut_off, stopping


@pytest.mark.parametrize(
    ("within", "wait"),
    [
        (None, ""),
        (math.inf, ""),
        (math.nan, ""),
        (24.2, ", at most 25 s"),
        (4.0, ", at most 4 s"),
        (0.0, ", at most 0 s"),
        (-3.0, ", at most 0 s"),
        (90.0, ", at most 1 min 30 s"),
    ],
)
def test_stopping(within, wait):
    """A person who asked for a stop reads how much is waited for, how long at most, and how to stop now."""
    assert stopping(12, within) == f"stopping: finishing 12 in flight{wait}; Ctrl-C stops at once"


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (Counts(requests=400), ""),
        (Counts(requests=410, failures=10, truncated=12), "12 answers cut off at max_tokens (3 %)"),
        (Counts(requests=1, truncated=1), "1 answer cut off at max_tokens (100 %)"),
        (Counts(reused=50, truncated=1), "1 answer cut off at max_tokens (2 %)"),
        (Counts(truncated=7), "7 answers cut off at max_tokens (100 %)"),
    ],
)
def test_cut_off(counts, text):
    """Answers that were cut off are said with their share of all, those that were kept included."""
    assert cut_off(counts) == text
