from __future__ import annotations

import json

import pytest

from nemo_sdg.stages.json_values import as_json


@pytest.mark.parametrize("value", [{"a": [1, None]}, "text", 10**30, ["a\ud800"]])
def test_anything_becomes_json(value):
    """JSON comes out of numbers of any size and of half surrogate pairs, which are replaced."""
    kept = ["a?"] if value == ["a\ud800"] else value

    assert json.loads(as_json(value)) == kept
