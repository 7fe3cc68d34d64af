from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_sdg.client.lenient_json import decode_leniently, has_surrogates, paired


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":"\\ud800"}', {"a": "\ufffd"}),
        (b'["\\ud800x","x\\udc00","\\ud83d\\ude00"]', ["\ufffdx", "x\ufffd", "\U0001f600"]),
        (b'{"\\ud800":[{"a":"\\ud800"}]}', {"\ufffd": [{"a": "\ufffd"}]}),
        (b'"a\x00b\n"', "a\0b\n"),
        (b"[-Infinity]", [-math.inf]),
    ],
)
def test_what_is_read(body, value):
    """Halves of pairs, control characters and numbers that are none are read."""
    assert paired(decode_leniently(body)) == value


@pytest.mark.parametrize("body", [b"", b'{"a":', b"{} {}", b"<html>", b'"\xff"', b"{'a': 1}"])
def test_what_is_not(body):
    """What is cut off, no UTF-8 or something else is not."""
    with pytest.raises(ValueError, match=r"."):
        decode_leniently(body)


@given(st.text(st.characters()))
def test_halves_come_together(text):
    """A text is the same after its pairs came apart, and can be written whatever was in it."""
    halves = text.encode("utf-16-le", "surrogatepass")
    apart = "".join(chr(halves[at] + 256 * halves[at + 1]) for at in range(0, len(halves), 2))

    assert paired(apart).encode() is not None
    assert paired(apart) == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert has_surrogates(json.dumps(text).encode()) or paired(text) == text


def test_pairs_are_noticed():
    """Only what may hold a surrogate is looked through."""
    assert has_surrogates(b'"\\uD800"')
    assert not has_surrogates(b'"\\u00e9 ud800"')
