from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg import SampleSource, SelectColumns
from nemo_sdg.column_check import check_columns
from nemo_sdg.errors import ConfigError, MissingColumnError

ROWS = pa.table({"row_id": [1], "a": ["x"], "b": ["y"], "c": ["z"]})


def test_columns_in_order_under_new_names():
    """What is named is kept, in that order, under other names where wanted; row_id comes first."""
    made = SelectColumns(["c", "a"], rename={"a": "b"}).process(ROWS)

    assert made.to_pydict() == {"row_id": [1], "c": ["z"], "b": ["x"]}


def test_steps_after_it_see_the_new_names():
    """A column that was renamed is there under its new name only."""
    source = SampleSource(3, {"a": ["x"]})
    renamed = SelectColumns(["a"], rename={"a": "b"})

    check_columns([source, renamed, SelectColumns(["b"])])
    with pytest.raises(MissingColumnError, match="needs the column 'a'"):
        check_columns([source, renamed, SelectColumns(["a"])])


def test_settings_of_runs_from_before():
    """Without new names the settings are what they were, so that runs go on."""
    assert "rename" not in SelectColumns(["a"]).settings()
    assert SelectColumns(["a"], rename={"a": "b"}).settings()["rename"] == {"a": "b"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": "a"}, "columns is 'a'"),
        ({"columns": ["a"], "rename": {"b": "c"}}, "rename has 'b', which columns lacks"),
        ({"columns": ["a", "b"], "rename": {"a": "b"}}, "a second column 'b'"),
        ({"columns": ["a"], "rename": {"a": "status"}}, "belongs to the engine"),
    ],
)
def test_names_of_no_use(arguments, message):
    """What cannot be meant is refused."""
    with pytest.raises(ConfigError, match=message):
        SelectColumns(**arguments)
