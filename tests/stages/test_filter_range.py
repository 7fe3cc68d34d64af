"""Keeping rows by a number."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.filter_range import RangeFilter


def kept(values, **bounds):
    """Return the values that stay."""
    return RangeFilter("n", **bounds).process(pa.table({"n": values}))["n"].to_pylist()


def test_bounds():
    """`above` and `below` leave their bound out, `at_least` and `at_most` keep it; two of them both hold."""
    values = [10, 11, 12, None]

    assert kept(values, above=11) == [12]
    assert kept(values, at_most=11) == [10, 11]
    assert kept(values, at_least=11) == [11, 12]
    assert kept(values, below=11) == [10]
    assert kept(values, above=10, below=12) == [11]


def test_the_buckets_share_nothing():
    """Every number is in the high or in the low bucket, and none in both."""
    values = [0.0, 11.0, 11.5, 12.0, -3.0]

    assert sorted(kept(values, above=11) + kept(values, at_most=11)) == sorted(values)


def test_no_numbers():
    """NaN and null are dropped, also when there is nothing else; text is refused."""
    assert kept([math.nan, 1.0], at_least=0) == [1.0]
    assert kept(pa.nulls(2), at_least=0) == []
    with pytest.raises(ConfigError, match="needs numbers in the column 'n', which holds string"):
        kept(["12"], at_least=0)
    with pytest.raises(MissingColumnError):
        RangeFilter("m", above=1).process(pa.table({"n": [1]}))


@pytest.mark.parametrize("bounds", [{}, {"above": "11"}, {"above": True}, {"below": math.nan}])
def test_refused(bounds):
    """Bounds of no use are refused."""
    with pytest.raises(ConfigError, match=r"bound given|give a number"):
        RangeFilter("n", **bounds)
