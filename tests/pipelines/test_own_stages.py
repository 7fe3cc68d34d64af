from __future__ import annotations

import sys

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.pipelines.own_stages import load_stages

CODE = """
from nemo_sdg import Stage
class Title(Stage):
    def __init__(self, length=3):
        self.length = length
    def process(self, batch):
        return batch
def function(batch):
    return batch
ready = Title(9)
number = 7
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    (tmp_path / "own_code.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_code", None)


def test_classes_functions_and_objects_become_stages():
    """A class is made with its arguments, a function wrapped, an object taken as it is."""
    made = load_stages(
        ["own_code:Title", {"own_code:Title": {"length": 5}}, "own_code:function", "own_code:ready"]
    )

    assert [getattr(stage, "length", stage.name) for stage in made] == [3, 5, "function", 9]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("own_code", "write 'module:Class'"),
        ("own_kode:Title", "there is no module own_kode: put own_kode.py beside the config"),
        ("own_code:Titel", "has no Titel"),
        ("own_code:number", "is int: name a Stage class"),
        ({"own_code:Title": {"lenght": 1}}, "cannot be made with"),
        ({"own_code:function": {"a": 1}}, "takes no arguments"),
        ({"a:b": None, "c:d": None}, "give one 'module:Class'"),
    ],
)
def test_mistakes_are_named(entry, message):
    """Each way to name a stage wrongly says what is wrong and what to write."""
    with pytest.raises(ConfigError, match=message):
        load_stages([entry])
