from __future__ import annotations

import importlib
import sys

import pyarrow as pa
import pytest

from nemo_sdg.errors import ParseError
from nemo_sdg.stages.own_code import defined_at, is_own, place_of, told
from nemo_sdg.stages.rows import map_rows

OWN = """
import json


def deep(row):
    return row["nothing"]


def reads(row):
    return json.loads("{")


def logs_in(row):
    return dict(secret="hunter2")["token"]


def parses(row):
    from nemo_sdg.errors import ParseError
    raise ParseError("no score")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Import a module as users have them."""
    (tmp_path / "own_module.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("own_module")
    del sys.modules["own_module"]


def _raised(function):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - it is what is looked at
        function({})
    return raised.value


def test_the_users_own_line_comes_first(own):
    """File, line, function and source of the innermost own call, then the exception, in one line."""
    assert told(_raised(own.deep)) == (
        f"{own.__file__}, line 6, in deep: return row[\"nothing\"]: KeyError: 'nothing'"
    )


def test_keys_in_the_line_are_hidden(own):
    """A key that is written into the user's code does not come into messages."""
    text = told(_raised(own.logs_in))
    assert "logs_in" in text
    assert "hunter2" not in text


def test_what_a_library_raises_is_told_where_it_was_called(own):
    """Frames of the standard library and of packages are left out."""
    text = told(_raised(own.reads))
    assert text.startswith(f'{own.__file__}, line 10, in reads: return json.loads("{{"): JSONDecodeError: ')


def test_our_own_errors_speak_for_themselves(own):
    """An error that a stage raises on purpose is its message alone."""
    assert told(_raised(own.parses)) == "no score"
    assert told(ParseError("x")) == "x"


def test_without_a_frame_there_is_no_place():
    """An exception that nobody raised, or that has no text, is told by its class."""
    assert (place_of(ValueError("x")), told(ValueError("x")), told(ValueError())) == (
        "",
        "ValueError: x",
        "ValueError",
    )


def test_a_mistake_of_syntax_is_told_where_it_is():
    """The line that cannot be read is named, not the one that imports it."""
    with pytest.raises(SyntaxError) as raised:
        compile("x = 1\ndef f()\n", "/home/me/own.py", "exec")
    assert told(raised.value).startswith("/home/me/own.py, line 2: def f(): SyntaxError: ")


def test_compiled_code_of_packages_is_not():
    """Files that compiled extensions name, which are nowhere here, are not taken for the user's."""
    assert not is_own("pyarrow/table.pxi")


def test_what_is_a_users_own(own):
    """Own are neither packages, the standard library nor nemo_sdg."""
    assert is_own(own.__file__)
    assert not any(
        map(is_own, (pytest.__file__, importlib.__file__, pa.__file__, "<frozen importlib._bootstrap>"))
    )
    assert defined_at(own.deep) == f" ({own.__file__}, line 5)"
    assert defined_at(map_rows) == defined_at(len) == ""


def test_a_rejected_row_has_the_place(own):
    """The reason in `rejected/` leads to the line that raised."""
    batch = pa.table({"row_id": [0]})
    made = map_rows(batch, own.deep, [pa.field("x", pa.string())], "s")
    assert "own_module.py, line 6, in deep" in made.column("_rejection")[0].as_py()
