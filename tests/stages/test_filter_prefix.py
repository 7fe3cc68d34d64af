"""Keeping rows by how they begin."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.filter_prefix import PrefixFilter

_BATCH = pa.table({"text": ["[EN] a", "[FR] b", " [EN] c", None, "[DE] d", ""]})


def test_keep():
    """Rows that begin with one of the prefixes stay, in their order; white space counts."""
    assert PrefixFilter(["[EN]", "[DE]"]).process(_BATCH)["text"].to_pylist() == ["[EN] a", "[DE] d"]


def test_drop():
    """With keep=False the other rows stay, null among them."""
    kept = PrefixFilter(["[EN]", "[DE]"], keep=False).process(_BATCH)["text"].to_pylist()

    assert kept == ["[FR] b", " [EN] c", None, ""]


def test_prefix_is_no_pattern():
    """Characters of regular expressions stand for themselves."""
    assert PrefixFilter(["[EN"], column="t").process(pa.table({"t": ["E", "[EN]"]}))["t"].to_pylist() == [
        "[EN]"
    ]


@pytest.mark.parametrize("prefixes", [[], "[EN]", [""], [1]])
def test_refused_prefixes(prefixes):
    """A string instead of a list, nothing, and empty prefixes are refused with an example."""
    with pytest.raises(ConfigError, match=r"prefixes is .*\[EN\]"):
        PrefixFilter(prefixes)
