"""Columns out of a regular expression."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.parse_regex import ParseRegex
from nemo_sdg.stages.rows import split_rejected


def test_groups_become_columns():
    """The first match fills a string column for each group, null for one that took no part."""
    stage = ParseRegex(r"Score: (?P<score>\d+)(?: because (?P<reason>.+))?")
    made = stage.process(pa.table({"text": ["x Score: 3 because good", "Score: 4\nScore: 5"]}))

    assert stage.adds == ("score", "reason")
    assert made.schema.field("score").type == pa.string()
    assert made.drop_columns(["text"]).to_pylist() == [
        {"score": "3", "reason": "good"},
        {"score": "4", "reason": None},
    ]


def test_no_match_rejects():
    """Text without a match, and null, reject the row and show both sides."""
    batch = pa.table({"text": pa.array(["n=1", "none", None], pa.string())})
    made, rejections = split_rejected(ParseRegex(r"n=(?P<n>\d)").process(batch))

    assert made["n"].to_pylist() == ["1"]
    assert [r.error for r in rejections] == ["ParseError"] * 2
    assert "found 'none'" in rejections[0].message
    assert "found null" in rejections[1].message


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(", "no regular expression"),
        (r"(\d)", "no named group"),
        ("(?P<status>x)", "'status', which belongs to the engine"),
        (None, "pattern is None"),
    ],
)
def test_refused_patterns(pattern, complaint):
    """A pattern that cannot be used is refused at once."""
    with pytest.raises(ConfigError, match=complaint):
        ParseRegex(pattern)
