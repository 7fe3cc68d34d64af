from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.limits.fair import fair_shares


@pytest.mark.parametrize(
    ("total", "wants", "shares"),
    [
        (10, [100, 100], [5, 5]),
        (10, [2, 100], [2, 8]),
        (3, [5, 5], [2, 1]),
        (1, [0, 5, 5], [0, 1, 0]),
        (100, [3, 4], [3, 4]),
        (0, [3], [0]),
        (-5, [3], [0]),
        (7, [], []),
    ],
)
def test_examples(total, wants, shares):
    """What one does not want the others get; the first get what cannot be divided."""
    assert fair_shares(total, wants) == shares


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 200), st.lists(st.integers(0, 60), max_size=12))
def test_shares_are_max_min_fair(total, wants):
    """All is given out that is wanted, nobody gets more than it wants, and who gets less has its fill."""
    shares = fair_shares(total, wants)
    assert sum(shares) == min(total, sum(wants))
    assert all(0 <= share <= want for share, want in zip(shares, wants, strict=True))
    for share, want in zip(shares, wants, strict=True):
        if share < want:
            assert max(shares) <= share + 1
