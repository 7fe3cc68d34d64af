from __future__ import annotations

import json
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "from nemo_sdg.cli import main; main()"]


@pytest.fixture
def init(tmp_path):
    """Return a function that types `nemo-sdg init` and what comes behind."""

    def type_command(*arguments):
        return subprocess.run(
            [*COMMAND, "init", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return type_command


def test_a_project_runs_as_it_is(init, tmp_path):
    """What `init` makes runs with the simulated endpoint, its tests pass, and the next commands are told."""
    done = init("my-data")

    assert done.returncode == 0, done.stderr
    for command in ("cd my-data && nemo-sdg check config.yaml", "nemo-sdg preview", "nemo-sdg run"):
        assert command in done.stdout
    project = tmp_path / "my-data"
    assert "my-data" in (project / "README.md").read_text()
    run = subprocess.run(
        [*COMMAND, "run", "config.yaml"], cwd=project, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "SIMULATED ENDPOINT" in run.stderr
    parts = [part.read_text() for part in sorted((project / "out").glob("part-*.jsonl"))]
    rows = [json.loads(line) for line in "".join(parts).splitlines()]
    assert len(rows) == 20
    assert all(row["length"] == len(row["answer"]) for row in rows)
    assert len({row["long"] for row in rows}) == 2
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout
    assert "out/" in (project / ".gitignore").read_text()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("full", "full is not empty: choose a new or empty folder"),
        ("file", "file is a file: choose another name"),
        ("my data!", "as in my-data"),
        ("../..", "is no name"),
        ("", "is not empty"),
    ],
)
def test_what_is_there_is_left_alone(init, tmp_path, name, message):
    """A folder with files, a file, or a name of no use is refused with 2, and nothing is written."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))

    done = init(name)

    assert done.returncode == 2
    assert message in done.stderr or name == "../.."
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_will_do(init, tmp_path):
    """An empty folder is taken, below folders that are not there yet, too."""
    (tmp_path / "empty").mkdir()

    assert init("empty").returncode == 0
    assert init("new/deeper/one").returncode == 0
    assert (tmp_path / "new/deeper/one/config.yaml").is_file()
