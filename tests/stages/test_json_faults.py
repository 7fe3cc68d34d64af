"""Why a line is no row."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import RowError
from nemo_sdg.stages.json_faults import check_keys
from nemo_sdg.stages.json_lines import first_rows


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"\0\0\0", "nothing but NUL bytes, as a crash leaves them: take them out"),
        (b'{"a":"\0"}', "invalid character"),
        (b'{"a":"ok \xff"}', "byte 10 of the line is not UTF-8: save the file as UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "byte 7 of the line is not UTF-8"),
        (b'{"a":"\\ud800"}', "half of a surrogate pair"),
        (b'{"\\udc00":1}', "half of a surrogate pair"),
        (b'{"a":NaN}', "NaN is not JSON: write null or a number"),
        (b'{"a":-Infinity}', "-Infinity is not JSON"),
        (b'{"a":1e400}', "cannot be read: Number out of range"),
        (b'{"a":' + b"9" * 5000 + b"}", "Integer value out of range"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":1}\r{"a":2}', "carriage return inside: end each line with a line feed"),
        (b'{"a":1,"a":2}', "the key 'a' is there twice: leave it once"),
        (b'{"a":{"b":1, "b" : 1}}', "the key 'b' is there twice"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' is there twice"),
        (b"{", "this is no JSON"),
        (b"null", "expected a JSON object, found b'null'"),
    ],
)
def test_each_fault_is_named(tmp_path, line, complaint):
    """What is wrong with a line is said with its place, so that it can be found; the message stays short."""
    (tmp_path / "x.jsonl").write_bytes(b'{"a":1}\n' + line + b"\n")
    rows, wrong = first_rows(str(tmp_path / "x.jsonl"), 10)

    assert rows == [{"a": 1}]
    assert complaint in str(wrong)
    assert "x.jsonl, line 2: " in str(wrong)
    assert len(str(wrong)) < 400 + len(str(tmp_path))


VALUES = st.recursive(
    st.none() | st.text(alphabet='ab:,"{}\\') | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:"), inner, max_size=3),
    max_leaves=8,
)


@settings(derandomize=True, max_examples=200)
@given(st.dictionaries(st.text("ab:"), VALUES, max_size=4))
def test_rows_without_a_double_key_are_taken(row):
    """Whatever is in keys and values, colons above all, a row that has each key once is none with a fault."""
    check_keys(json.dumps(row).encode(), row)


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from("abc"), VALUES), max_size=5))
def test_any_double_key_is_found(pairs):
    """A key that is there twice is found wherever it is and whatever is around it."""
    line = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    if len(dict(pairs)) == len(pairs):
        check_keys(line.encode(), dict(pairs))
    else:
        with pytest.raises(RowError, match="twice"):
            check_keys(line.encode(), dict(pairs))
