"""The order of the house: sizes of files, where tests lie, nothing left behind in them."""

from __future__ import annotations

import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nemo_sdg"
LARGEST, MEDIAN = 400, 150
LEFT_OVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|^(<<<<<<<|>>>>>>>) ", re.MULTILINE)
CREDENTIAL = re.compile(
    r"\b(sk-[\w-]{20,}|nvapi-[\w-]{20,}|hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|[Bb]earer [A-Za-z0-9._-]{30,}"
)
HERE_ONLY = re.compile(r"(?<![\w.~}/])/(home|root|tmp|work|Users)/\w")


def tracked() -> list[Path]:
    """Return the files that git keeps, without the links, whose targets are kept themselves."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def matching(pattern: re.Pattern[str], paths: list[Path], distinct: int = 1) -> list[str]:
    """Return places where the pattern matches text with so many distinct characters."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        for found in pattern.finditer(line)
        if len(set(found[0])) >= distinct
    ]


def test_files_are_short():
    """No source file has more than 400 lines; half of them have at most 150."""
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }

    assert not {path: length for path, length in lengths.items() if length > LARGEST}
    assert statistics.median(lengths.values()) <= MEDIAN


def test_tests_lie_where_their_source_does():
    """tests/<package>/test_<module>.py has a module, or `test_api.py` the package, to be about.

    In tests/docs it has a page.
    """
    wrong = []
    for path in (ROOT / "tests").glob("*/**/test_*.py"):
        if path.parent.name in ("faults", "real"):  # of whole runs
            continue
        if path.parent.name == "docs":
            if not (ROOT / "docs" / f"{path.stem.removeprefix('test_')}.md").is_file():
                wrong.append(path.relative_to(ROOT).as_posix())
            continue
        package = PACKAGE / path.parent.relative_to(ROOT / "tests")
        module = path.stem.removeprefix("test_")
        names = ["__init__.py"] if module == "api" else [f"{module}.py", f"__{module}__.py"]
        if not any((package / name).is_file() for name in names):
            wrong.append(path.relative_to(ROOT).as_posix())

    assert not wrong


def test_nothing_is_left_marked():
    """What is unfinished is not left behind as a remark, and no merge half done."""
    assert not matching(LEFT_OVER, tracked())


def test_no_credentials():
    """No file that git keeps holds what looks like a key; one that repeats a word is an example."""
    assert not matching(CREDENTIAL, tracked(), distinct=14)


def test_no_paths_of_one_machine():
    """No file outside the tests names a folder that only some machines have."""
    assert not matching(HERE_ONLY, [path for path in tracked() if ROOT / "tests" not in path.parents])
