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
class Broken(Stage):
    def __init__(self):
        self.length = {}["length"]
    def process(self, batch):
        return batch
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    (tmp_path / "own_code.py").write_text(CODE)
    (tmp_path / "own_syntax.py").write_text("def f(:\n")
    (tmp_path / "own_raises.py").write_text("\n\nraise OSError('no such disk')\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "evil.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
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
        ("unheard_of:Title", "there is no module unheard_of: put unheard_of.py beside the config"),
        ("own_code:Titel", "has no Titel: did you mean Title"),
        ("own_coed:Title", "there is no module own_coed: did you mean own_code?"),
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


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("..evil:Stage", "stages has '..evil:Stage': '' is no name in Python; write 'module:Class'"),
        ("../outside/evil:Stage", "is no name in Python"),
        ("outside/evil:Stage", "'outside/evil' is no name in Python"),
        ("/etc/passwd:Stage", "is no name in Python"),
        ("own\0code:Stage", "is no name in Python"),
        ("own_code:Broken.__init__", "'Broken.__init__' is no name in Python"),
        ("own_code:", "write 'module:Class'"),
        ("x" * 5000 + "/:Stage", "is no name in Python"),
        (
            "own_syntax:Stage",
            "own_syntax cannot be imported: .*own_syntax.py, line 1: .*SyntaxError: invalid syntax",
        ),
        (
            "own_raises:Stage",
            "own_raises cannot be imported: .*own_raises.py, line 3: .*: OSError: no such disk",
        ),
        (
            "own_code:Broken",
            "Broken cannot be made: .*own_code.py, line 14, in __init__: .*: KeyError: 'length'",
        ),
        ("own_code:__builtins__", "is dict: name a Stage class"),
        ("subprocess:Popen", "is type: name a Stage class"),
        ({"os:system": {"command": "touch pwned"}}, "os:system is a function and takes no arguments"),
        ({"builtins:eval": {"source": "1"}}, "builtins:eval is a function and takes no arguments"),
    ],
)
def test_names_that_lead_elsewhere(entry, message):
    """Only modules by name are imported, and what is wrong with them is said with its place."""
    with pytest.raises(ConfigError, match=message) as caught:
        load_stages([entry])
    assert len(str(caught.value)) < 600
