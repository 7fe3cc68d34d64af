from __future__ import annotations

import math

import pyarrow as pa
import pytest

from nemo_sdg import ScoreFilter
from nemo_sdg.errors import ConfigError, MissingColumnError

ROWS = pa.table(
    {
        "n": [0, 1, 2, 3, 4],
        "r_helpfulness": [3.5, 3.0, 2.9, None, math.nan],
        "r_verbosity": [1.0, 2.5, 0.0, 1.0, 1.0],
    }
)


def kept(**thresholds):
    """Return the numbers of the rows that stay."""
    return ScoreFilter(prefix="r_", **thresholds).process(ROWS)["n"].to_pylist()


def test_thresholds():
    """The lowest and the highest score to keep are kept; all thresholds must hold."""
    assert kept(at_least={"helpfulness": 3.0}) == [0, 1]
    assert kept(at_most={"verbosity": 1.0}) == [0, 2, 3, 4]
    assert kept(at_least={"helpfulness": 3}, at_most={"verbosity": 2}) == [0]
    assert kept(at_least={"helpfulness": 2.9, "verbosity": 0.0}, at_most={"helpfulness": 3.0}) == [1, 2]


def test_without_a_score():
    """Null and NaN are dropped, or kept when that is wanted; other thresholds hold for such rows as well."""
    assert kept(at_least={"helpfulness": 3.0}, keep_null=True) == [0, 1, 3, 4]
    assert kept(at_least={"helpfulness": 3.0}, at_most={"verbosity": 0.5}, keep_null=True) == []
    nulls = pa.table({"s": pa.nulls(2)})
    assert ScoreFilter(at_least={"s": 1}).process(nulls).num_rows == 0
    assert ScoreFilter(at_least={"s": 1}, keep_null=True).process(nulls).num_rows == 2
    assert ScoreFilter(at_least={"s": 1}).process(nulls.slice(0, 0)).num_rows == 0


def test_columns():
    """It needs the columns of its attributes; one that is not there, or holds text, is refused."""
    stage = ScoreFilter(at_least={"a": 1}, at_most={"a": 2, "b": 1}, prefix="x_")

    assert stage.requires == ("x_a", "x_b")
    with pytest.raises(MissingColumnError, match="x_a"):
        stage.process(ROWS)
    with pytest.raises(ConfigError, match="needs numbers in the column 's', which holds string"):
        ScoreFilter(at_least={"s": 1}).process(pa.table({"s": ["1"]}))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "no threshold given"),
        ({"at_least": {}}, "no threshold given"),
        ({"at_least": 3}, "at_least is 3"),
        ({"at_least": {"a": "3"}}, "at_least of a is '3': give a number"),
        ({"at_most": {"a": True}}, "at_most of a is True"),
        ({"at_most": {"a": math.nan}}, "at_most of a is nan"),
        ({"at_most": {"": 1}}, "a name in at_most"),
        ({"at_least": {"a": 3}, "at_most": {"a": 2}}, "a is to be at least 3 and at most 2"),
        ({"at_least": {"a": 3}, "prefix": None}, "prefix is None"),
        ({"at_least": {"a": 3}, "keep_null": 1}, "keep_null is 1"),
    ],
)
def test_refused(arguments, complaint):
    """Thresholds of no use are refused with what is allowed."""
    with pytest.raises(ConfigError, match=complaint):
        ScoreFilter(**arguments)
