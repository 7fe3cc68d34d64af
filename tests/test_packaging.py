"""What is installed: bounds of dependencies, the lock, what a package of ours holds."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = [
    *PROJECT["project"]["dependencies"],
    *(line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra),
]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = [Requirement(line) for line in LOCK.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("line", [*DIRECT, *PROJECT["build-system"]["requires"]])
def test_bounds(line):
    """A dependency has the oldest version that is known to do and a bound above."""
    operators = {specifier.operator for specifier in Requirement(line).specifier}

    assert operators in ({">=", "<"}, {"=="})


@pytest.mark.parametrize("line", DIRECT)
def test_lock_holds_every_dependency(line):
    """The lock pins each direct dependency, for every Python, within the bounds of pyproject.toml."""
    wanted = Requirement(line)
    pins = [pin for pin in LOCKED if canonicalize_name(pin.name) == canonicalize_name(wanted.name)]

    assert pins
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert wanted.specifier.contains(exact.version)
    for minor in range(11, 15):
        environment = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.1"}
        fitting = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
        assert len(fitting) == 1, f"Python 3.{minor}: {fitting}"


def test_lock_is_of_no_machine():
    """The lock says how it is refreshed and holds pins alone: no index, no path, no option."""
    lines = [line for line in LOCK.splitlines() if not line.startswith("#")]

    assert "./dev lock" in LOCK.splitlines()[1]
    assert not [line for line in lines if not re.match(r"[a-z0-9.-]+==[\w.+!]+( ; .+)?$", line)]
    assert all(Version(next(iter(pin.specifier)).version) for pin in LOCKED)
    assert "://" not in LOCK


def test_package_holds_each_module_once():
    """The wheel is the folder nemo_sdg; the source archive leaves out the links into it."""
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]

    assert targets["wheel"] == {"packages": ["nemo_sdg"]}
    assert {"/stages", "/pipelines"} <= set(targets["sdist"]["exclude"])
    assert not [path for path in (ROOT / "nemo_sdg").rglob("*") if path.is_symlink()]


PROJECT_FILES = ("config.yaml", "my_stages.py", "test_my_stages.py", "README.md", ".gitignore")


@pytest.mark.parametrize(
    "file",
    [
        "py.typed",
        "report/templates/report.html.j2",
        "simulator/phrases.json",
        *(f"cli/project/{name}.template" for name in PROJECT_FILES),
    ],
)
def test_data_files_lie_in_the_package(file):
    """Files that are no modules lie inside the package, so the wheel has them."""
    assert (ROOT / "nemo_sdg" / file).is_file()


def test_python_of_the_metadata():
    """Each tool is told the oldest Python that the project promises, and this one is not older."""
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")

    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert Version(oldest) <= Version(f"{sys.version_info.major}.{sys.version_info.minor}")
