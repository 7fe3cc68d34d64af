from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg import RepeatRows
from nemo_sdg.errors import ConfigError


def test_a_row_for_each_value():
    """Every row is there for every value, one after the other, with its row_id; an own column is replaced."""
    rows = pa.table({"row_id": [3, 5], "language": ["x", None]})

    assert RepeatRows("language", ["French", "German"]).process(rows).to_pylist() == [
        {"row_id": 3, "language": "French"},
        {"row_id": 3, "language": "German"},
        {"row_id": 5, "language": "French"},
        {"row_id": 5, "language": "German"},
    ]
    assert RepeatRows("of", ["x"]).process(rows.slice(0, 0)).column_names == ["row_id", "language", "of"]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("status", ["x"], "belongs to the engine"),
        ("x", "French", "values is 'French'"),
        ("x", [], r"values is \[\]"),
        ("x", [1], r"values is \[1\]"),
        ("x", ["a", "a"], "values has 'a' twice"),
    ],
)
def test_values_of_no_use(column, values, message):
    """What cannot be meant is refused."""
    with pytest.raises(ConfigError, match=message):
        RepeatRows(column, values)
