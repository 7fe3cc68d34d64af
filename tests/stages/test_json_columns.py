"""Arrow columns out of JSON objects."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.json_columns import infer_types, to_table


def _made(values, wanted=None):
    table = to_table([{"x": value} for value in values], {} if wanted is None else {"x": wanted})
    return table.schema.field("x").type, table["x"].to_pylist()


@pytest.mark.parametrize(
    ("wanted", "values", "expected_type", "expected"),
    [
        (None, [1, 2.5], pa.float64(), [1.0, 2.5]),
        (None, [1, "a", None], pa.string(), ["1", "a", None]),
        (None, [{"a": 1}, {"a": "x"}], pa.string(), ['{"a":1}', '{"a":"x"}']),
        (None, [2**70], pa.string(), [str(2**70)]),
        (None, [{}], pa.string(), ["{}"]),
        (pa.int64(), [1.5, 2], pa.float64(), [1.5, 2.0]),
        (pa.int64(), ["a"], pa.string(), ["a"]),
        (pa.int64(), [None], pa.int64(), [None]),
        (pa.float64(), [1, 2], pa.float64(), [1.0, 2.0]),
        (pa.float64(), [2**60 + 1], pa.string(), [str(2**60 + 1)]),
        (pa.string(), [1, None], pa.string(), ["1", None]),
        (pa.string(), [[1]], pa.string(), ["[1]"]),
        (pa.list_(pa.string()), [[]], pa.list_(pa.string()), [[]]),
        (
            pa.struct([("a", pa.int64())]),
            [{"b": "x"}],
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
            [{"a": None, "b": "x"}],
        ),
        (pa.null(), ["a"], pa.string(), ["a"]),
    ],
)
def test_types(wanted, values, expected_type, expected):
    """Values have the wanted type, a wider one, their own or that of JSON text; nothing of them is lost."""
    assert _made(values, wanted) == (expected_type, expected)


def test_columns():
    """Columns come in the order of the types, then of appearance; what a row lacks is null."""
    rows = [{"b": 1}, {"c": "x", "a": None}]

    assert infer_types(rows) == {"b": pa.int64(), "c": pa.string(), "a": pa.null()}
    assert to_table(rows, {"a": pa.string()}).to_pydict() == {
        "a": [None, None],
        "b": [1, None],
        "c": [None, "x"],
    }


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), _VALUES), min_size=1), st.integers(0, 5))
def test_any_json(tmp_path_factory, rows, sampled):
    """Any JSON objects make a table that Parquet can hold, whatever the first ones looked like."""
    rows = json.loads(json.dumps(rows))
    table = to_table(rows, infer_types(rows[:sampled]))

    assert table.num_rows == len(rows) or not table.num_columns
    pq.write_table(table, tmp_path_factory.mktemp("json") / "x.parquet")
