"""YAML that is no config, and YAML that is."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.config.yaml_text import parsed
from nemo_sdg.errors import ConfigError

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
MERGES = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 9)}]}}\n" for level in range(1, 12)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 3000))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a: !!python/object/apply:os.system [x]",
            "line 1, column 4: the tag !!python/object/apply:os.system is",
        ),
        (
            "a: [x, y\nb: 2",
            "line 2, column 2: expected ',' or ']', but got ':': close the bracket that opens in line 1",
        ),
        ("\na: 'x\nb: 2", "close the quotes that open in line 2"),
        ("a: !!python/name:os.system", "the tag !!python/name:os.system is not allowed"),
        ("a: !!python/object/new:os.system []", "the tag !!python/object/new:os.system is not allowed"),
        ("a: !mine x", "the tag !mine is not allowed: a config has texts, numbers, lists, mappings"),
        ("a: !!binary aGk=", "the tag !!binary is not allowed"),
        ("a: !!set {x}", "the tag !!set is not allowed"),
        ("a: !!timestamp foo", "the tag !!timestamp is not allowed"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is there twice, first in line 1: leave it once"),
        ("a: {b: 1, 'b': 2}", "line 1, column 11: the key 'b' is there twice"),
        ("a:\n\tb: 1", "line 2, column 1: found character '\\\\t' .*: indent with spaces"),
        ("on: 1", "line 1, column 1: the key on is not read as text: write it in quotes"),
        ("1: 1", "the key 1 is not read as text"),
        ("? [a]\n: 1", "a list or mapping is no key: write a name"),
        ("a: !!int abc", "line 1, column 4: 'abc' cannot be read as !!int: write it otherwise"),
        ("a: !!bool maybe", "'maybe' cannot be read as !!bool"),
        ("a: " + "9" * 5000, "line 1, column 4: '9{60}' cannot be read as !!int"),
        ("a: [1", "line 1, column 6: expected"),
        ("a: *b", "line 1, column 4: found undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "line 2, column 1: expected a single document in the stream, but found another"),
        ("a: \0", r"character 4 is '\\x00', which is not allowed: take it out"),
        ("a: &a {b: *a}", "line 1, column 4: this refers to itself: take the alias out"),
        ("a: &a [*a]", "this refers to itself"),
        (LAUGHS, r"this is more than 1,000,000 values: use fewer aliases"),
        (MERGES, r"this is more than 1,000,000 values: use fewer aliases"),
        (CHAIN, "nested too deeply: allowed are 50 levels"),
        ("[" * 60 + "]" * 60, "nested too deeply: allowed are 50 levels"),
        ("[" * 100_000, "nested too deeply"),
        ("a: " + "{b: " * 5000, "nested too deeply"),
    ],
)
def test_refused(text, message):
    """What is no YAML, or more than a config needs, is refused with its place before anything is made."""
    began = time.process_time()
    with pytest.raises(ConfigError, match=message) as caught:
        parsed(text)

    assert len(str(caught.value)) < 300
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("a: 2026-11-21", {"a": "2026-11-21"}),
        ("a: 2026-13-45", {"a": "2026-13-45"}),
        ("a: =", {"a": "="}),
        ("a: [1e3, 1.5e-1, -2E+1, 1e, e1]", {"a": [1000.0, 0.15, -20.0, "1e", "e1"]}),
        ("b: &b {x: 1, y: 2}\na: {<<: *b, y: 3}", {"b": {"x": 1, "y": 2}, "a": {"x": 1, "y": 3}}),
        ("a: &a [1]\nb: [*a, *a]", {"a": [1], "b": [[1], [1]]}),
        ("a: {x: 1}\nb: {x: 1}", {"a": {"x": 1}, "b": {"x": 1}}),
    ],
)
def test_taken(text, value):
    """Dates are texts, numbers may have an exponent alone, and anchors save typing."""
    assert parsed(text) == value


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(VALUES)
def test_what_yaml_writes_is_read(value):
    """Whatever plain values are written as YAML come back as they were."""
    assert parsed(yaml.safe_dump(value, allow_unicode=True)) == value


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text("ab01:-[]{}&*!<>?|'\"#%@`, \n\t.=~"))
def test_any_text(text):
    """Any text is a value or refused with words: no other exception comes out."""
    with suppress(ConfigError):
        parsed(text)
