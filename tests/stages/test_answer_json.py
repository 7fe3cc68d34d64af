"""Finding JSON in what models write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.answer_json import find_object, without_reasoning


def _any(_):
    return True


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '  [{"a": 1}, {"a": 2}]',
        'Sure!\n```json\n{"a": 1}\n```\nDone.',
        '```\n{"a": 1}\n```',
        '```json\n{"a": 1}',
        'Here you are: {"a": 1}. And {"a": 2}.',
        'Use {braces} like so {"a": 1}',
        '<think>{"a": 9}</think>{"a": 1}',
    ],
)
def test_places(text):
    """The object is found alone, in a list, in a fence that may be open, amid prose and after reasoning."""
    assert find_object(text, _any) == {"a": 1}


def test_wanted():
    """Of several objects the one that is wanted is returned, else the first."""
    text = '{"x": 1} then {"a": 2}'

    assert find_object(text, lambda found: "a" in found) == {"a": 2}
    assert find_object(text, lambda found: "b" in found) == {"x": 1}


@pytest.mark.parametrize("text", ["{'a': 1}", '{"a": 1', '{"a": 1,}', "{a: 1}", 'so: {"a": 1,\n "b": "x'])
def test_repair(text):
    """Small slips are mended when asked for, and only then."""
    assert find_object(text, _any) is None
    assert find_object(text, _any, repair=True)["a"] == 1


def test_no_object():
    """Text without an object has none."""
    assert find_object("no braces, [1, 2], 3", _any, repair=True) is None


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet='{}[]",:a1\\\n`u0d8'))
def test_never_raises(text):
    """Any text gives an object or None."""
    found = find_object(text, _any, repair=True)

    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize(
    "text", ["{" * 50_000, '{"a":' * 50_000, "[" * 50_000 + "{", "```" * 30_000, '{"' * 10_000]
)
def test_hostile_text_is_bounded(text):
    """Deep nesting and endless braces neither raise nor take long."""
    start = time.process_time()
    find_object(text, _any, repair=True)

    assert time.process_time() - start < 2


def test_reasoning():
    """What comes before the end of the reasoning is left out; without it the text is whole."""
    assert without_reasoning("hm </think> yes") == " yes"
    assert without_reasoning("yes") == "yes"
