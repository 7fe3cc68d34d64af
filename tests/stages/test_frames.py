"""From pandas to Arrow."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from nemo_sdg.stages.frames import from_frame, is_frame

_TABLE = pa.table(
    {
        "n": pa.array([1, None], pa.int64()),
        "s": pa.array(["a", None], pa.string()),
        "none": pa.array([None, None], pa.string()),
        "m": pa.array([[{"role": "user", "content": "x"}], None]),
        "l": pa.array([["a"], []], pa.list_(pa.string())),
    }
)


def test_there_and_back():
    """Columns that nobody touched come back as they were, types included."""
    back = from_frame(_TABLE.to_pandas(), _TABLE.schema)

    assert back.schema.equals(_TABLE.schema)
    assert back.to_pylist() == _TABLE.to_pylist()


def test_changed_columns_keep_their_new_types():
    """What the function changed stays changed, and new text is string."""
    frame = pa.table({"n": [1, 2], "b": [1, 2]}).to_pandas()
    frame["n"] = frame["n"] * 1.0
    frame["b"] = [1.5, None]
    frame["new"] = ["x", "y"]
    back = from_frame(frame, pa.schema([("n", pa.int64()), ("b", pa.int64())]))

    assert back.schema.types == [pa.float64(), pa.float64(), pa.string()]
    assert back["b"].to_pylist() == [1.5, None]


def test_the_index_is_no_column():
    """A frame that was filtered brings no column of its index."""
    frame = pd.DataFrame({"a": [1, 2, 3, 1, 2]})

    assert from_frame(frame[frame["a"] != 2], pa.schema([])).to_pydict() == {"a": [1, 3, 1]}


def test_is_frame():
    """Frames are told from tables and series."""
    assert is_frame(pd.DataFrame())
    assert not is_frame(_TABLE)
    assert not is_frame(pd.Series([1]))
