"""Which files are read."""

from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.input_files import check_unchanged, find_files, kept_names, with_row_ids


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
    """A file that is named twice, also through a link, is refused."""
    _folder(tmp_path, "1.a")
    (tmp_path / "link.a").symlink_to(tmp_path / "1.a")

    with pytest.raises(ConfigError, match="twice"):
        find_files([tmp_path / "1.a", f"{tmp_path}/1.*"], (".a",))
    with pytest.raises(ConfigError, match=r"\.a twice"):
        find_files(tmp_path, (".a",))


def test_changed_file(tmp_path):
    """A file that is gone or longer than planned ends the job with what to do."""
    file = _folder(tmp_path, "1.a") / "1.a"
    check_unchanged({"file": str(file), "size": 1})

    with pytest.raises(ConfigError, match=r"5 bytes then, 1 now"):
        check_unchanged({"file": str(file), "size": 5})
    file.unlink()
    with pytest.raises(ConfigError, match="cannot read"):
        check_unchanged({"file": str(file), "size": 1})


def test_names_that_the_engine_takes():
    """Columns called as the engine's own are kept under names that are free."""
    rows = pa.table({"row_id": ["a"], "status": ["b"], "source_row_id": ["c"]})

    assert with_row_ids(rows, 7).to_pylist() == [
        {"row_id": 7, "source_source_row_id": "a", "source_status": "b", "source_row_id": "c"}
    ]
    assert kept_names(["x"]) == ["x"]
