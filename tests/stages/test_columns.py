"""Checks on columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.columns import check_new_columns, text_column


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_text_of_any_encoding(kind):
    """Text comes as string, whatever Arrow type holds it."""
    batch = pa.table({"text": pa.array(["a", None], kind)})

    assert text_column(batch, "text", "s").type == pa.string()
    assert text_column(batch, "text", "s").to_pylist() == ["a", None]


def test_dictionary_and_null_text():
    """Dictionary-encoded text and a column of nulls are text as well."""
    batch = pa.table({"d": pa.array(["a", "a"]).dictionary_encode(), "n": pa.nulls(2)})

    assert text_column(batch, "d", "s").to_pylist() == ["a", "a"]
    assert text_column(batch, "n", "s").to_pylist() == [None, None]


def test_what_is_no_text():
    """Numbers are refused with the column's name and type; a column that is not there with those that are."""
    batch = pa.table({"text": [1]})

    with pytest.raises(ConfigError, match="'text', which holds int64"):
        text_column(batch, "text", "s")
    with pytest.raises(MissingColumnError, match="'answer'; the columns are: text"):
        text_column(batch, "answer", "s")


@pytest.mark.parametrize("name", ["row_id", "status", "_rejection", "", 3])
def test_names_that_no_stage_may_use(name):
    """The engine's columns, and what is no name, cannot be made."""
    with pytest.raises(ConfigError, match="fields"):
        check_new_columns(["fine", name], "fields")
