"""What a user may import, and that it is there and explained."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nemo_sdg

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(nemo_sdg.__path__, "nemo_sdg.")
    if not name.endswith(".__main__")
)


def test_three_lists_agree():
    """`__all__`, the table of homes and the imports for type checkers name the same things, each once."""
    tree = ast.parse(Path(nemo_sdg.__file__).read_text(encoding="utf-8"))
    checks = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    typed = {
        alias.name: node.module
        for check in checks
        for node in check.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: home for home, names in nemo_sdg._HOMES.items() for name in names}

    assert typed == homes
    assert sorted(homes) == sorted(nemo_sdg.__all__)
    assert len(nemo_sdg.__all__) == len(set(nemo_sdg.__all__))


@pytest.mark.parametrize("name", nemo_sdg.__all__)
def test_public_name(name):
    """A public name resolves, is listed by `dir` and says what it is; so do its public methods."""
    thing = getattr(nemo_sdg, name)

    assert name in dir(nemo_sdg)
    assert thing.__doc__, f"{name} has no docstring"
    if inspect.isclass(thing):
        bare = [
            member
            for member, value in vars(thing).items()
            if not member.startswith("_")
            and (inspect.isfunction(value) or isinstance(value, property))
            and not inspect.getdoc(getattr(thing, member))
        ]
        assert not bare, f"no docstring: {name}.{bare}"


def test_what_is_not_there():
    """A name that does not exist is an AttributeError that names it."""
    with pytest.raises(AttributeError, match="'Pipelime'"):
        nemo_sdg.Pipelime  # noqa: B018 - looking it up is the test


@pytest.mark.parametrize("module", MODULES)
def test_all_of_modules(module):
    """What a module's `__all__` names is in the module, once; the module says what it is for."""
    loaded = importlib.import_module(module)
    names = getattr(loaded, "__all__", [])

    assert loaded.__doc__
    assert len(names) == len(set(names))
    assert not [name for name in names if not hasattr(loaded, name)]


@pytest.mark.parametrize("name", ["stages", "pipelines"])
def test_links(name):
    """The links at the top are relative; importing through one fails and says what to import."""
    link = ROOT / name

    assert link.is_symlink()
    assert link.readlink() == Path("nemo_sdg", name)

    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert f"ImportError: import nemo_sdg.{name}" in done.stderr
