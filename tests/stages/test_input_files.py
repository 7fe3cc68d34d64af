"""Which files are read."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Shard
from nemo_sdg.stages.input_files import find_files, kept_names, with_row_ids


def _folder(tmp_path, *names):
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    return tmp_path


def _names(tmp_path, path):
    return [file.removeprefix(f"{tmp_path}/") for file in find_files(path, (".a", ".b"))]


def test_folder(tmp_path):
    """A folder gives its own files of the right kinds in the order of their names, no hidden ones."""
    _folder(tmp_path, "2.a", "10.b", "x.txt", ".hidden.a", "_run.a", "sub/1.a")

    assert _names(tmp_path, tmp_path) == ["10.b", "2.a"]


def test_glob_and_list(tmp_path):
    """Patterns and lists give their files, all sorted; a named file may have any suffix."""
    _folder(tmp_path, "2.a", "1.a", "x.txt", "sub/1.a")

    assert _names(tmp_path, f"{tmp_path}/*.a") == ["1.a", "2.a"]
    assert _names(tmp_path, f"{tmp_path}/**/*.a") == ["1.a", "2.a", "sub/1.a"]
    assert _names(tmp_path, [tmp_path / "x.txt", tmp_path / "1.a"]) == ["1.a", "x.txt"]


def test_name_with_pattern_characters(tmp_path):
    """A file that is there is meant, though its name looks like a pattern."""
    _folder(tmp_path, "a[1].a", "a1.a")

    assert _names(tmp_path, tmp_path / "a[1].a") == ["a[1].a"]


def test_relative_paths_become_absolute(tmp_path, monkeypatch):
    """Workers in other folders find the files."""
    _folder(tmp_path, "1.a")
    monkeypatch.chdir(tmp_path)

    assert find_files("1.a", ()) == [f"{tmp_path}/1.a"]


def test_refused_paths(tmp_path):
    """What is missing, empty or no path is refused by name."""
    _folder(tmp_path, "1.a", "empty/x.txt")
    for path, complaint in [
        (tmp_path / "no.a", "no.a does not exist"),
        (f"{tmp_path}/no*.a", "no file matches"),
        (tmp_path / "empty", "has no files that end in .a, .b"),
        ([], "empty list"),
        ("", "path is ''"),
        (3, "path is 3"),
    ]:
        with pytest.raises(ConfigError, match=complaint):
            find_files(path, (".a", ".b"))


def test_duplicates(tmp_path):
    """A file that is named twice, also through a symbolic or a hard link, is refused with both its names."""
    _folder(tmp_path, "1.a")
    (tmp_path / "link.a").symlink_to(tmp_path / "1.a")

    with pytest.raises(ConfigError, match="twice"):
        find_files([tmp_path / "1.a", f"{tmp_path}/1.*"], (".a",))
    with pytest.raises(ConfigError, match=r"\.a twice, also as .*\.a"):
        find_files(tmp_path, (".a",))
    (tmp_path / "link.a").unlink()
    (tmp_path / "hard.a").hardlink_to(tmp_path / "1.a")
    with pytest.raises(ConfigError, match=r"\.a twice, also as .*\.a"):
        find_files(tmp_path, (".a",))


def _a_folder(path):
    path.mkdir()


def _a_link_to_nothing(path):
    path.symlink_to("nothing")


def _a_loop(path):
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_a_folder, "is a folder, not a file: take it away"),
        (os.mkfifo, "is a named pipe, not a file: take it away"),
        (_a_link_to_nothing, "is a link to nothing: mend it"),
        (_a_loop, "cannot be read: Too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("pattern", ["", "/*", "/*.a"])
def test_what_is_no_file(tmp_path, make, complaint, pattern):
    """What is called like an input file and is none is not passed over: its rows would silently lack."""
    make(_folder(tmp_path, "1.a") / "2.a")

    with pytest.raises(ConfigError, match=rf"2\.a {complaint}"):
        find_files(f"{tmp_path}{pattern}", (".a",))


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/dev/null", "/dev/null is a device, not a file"),
        ("a\0b", r"path is 'a\\x00b': a path cannot hold a NUL"),
        ("x" * 5000, "cannot be read: File name too long; give"),
        ("\ud800.a", "is not UTF-8: rename it"),
    ],
)
def test_paths_that_no_file_has(path, complaint):
    """Devices and names that no file can have, or that a manifest cannot hold, are refused, never opened."""
    with pytest.raises(ConfigError, match=complaint) as caught:
        find_files(path, (".a",))
    assert len(str(caught.value)) < 400


def test_names_that_the_engine_takes():
    """Columns called as the engine's own are kept under names that are free."""
    rows = pa.table({"row_id": ["a"], "status": ["b"], "source_row_id": ["c"]})

    assert with_row_ids(rows, Shard(0, 7, 1)).to_pylist() == [
        {"row_id": 7, "source_source_row_id": "a", "source_status": "b", "source_row_id": "c"}
    ]
    assert kept_names(["x"]) == ["x"]


def test_rows_without_columns():
    """Rows of which there is nothing but their number keep it."""
    assert with_row_ids(pa.table({}), Shard(3, 7, 2)).to_pylist() == [{"row_id": 7}, {"row_id": 8}]
