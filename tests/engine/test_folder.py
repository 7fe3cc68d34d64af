from __future__ import annotations

import pytest

from nemo_sdg.engine.folder import RunFolder, write_whole
from nemo_sdg.engine.manifest import Manifest, ShardDone
from nemo_sdg.errors import OutputError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages import Shard


def manifest() -> Manifest:
    """Return a manifest of two shards."""
    return Manifest(
        pipeline="p",
        settings=[{"step": "a:A", "x": 1}],
        suffix=".parquet",
        shards=[Shard(0, 0, 10), Shard(1, 10, 5, {"file": "f"})],
        version="1",
        started="2026-01-01T00:00:00+00:00",
    )


def test_manifest_survives_the_disk(tmp_path):
    """What is read back is what was written, shards and their places included."""
    folder = RunFolder(tmp_path / "out")
    folder.create()
    assert folder.manifest() is None

    folder.write_manifest(manifest())

    assert folder.manifest() == manifest()
    assert folder.manifest().rows == 15


def test_damaged_manifest_is_named(tmp_path):
    """A manifest that is not whole is an error that names the file, not a fresh start over paid work."""
    folder = RunFolder(tmp_path)
    folder.create()
    folder.write_manifest(manifest())
    file = tmp_path / "_run" / "manifest.json"
    file.write_bytes(file.read_bytes()[:40])

    with pytest.raises(OutputError, match=r"manifest\.json cannot be read"):
        folder.manifest()


def test_done_shards_are_found_again(tmp_path):
    """Shards marked as done are known by index, with their counts."""
    folder = RunFolder(tmp_path)
    folder.create()
    folder.write_done(ShardDone(3, Counts(rows_written=7), ["m"]))

    assert folder.is_done(3)
    assert not folder.is_done(2)
    assert folder.done()[3].counts.rows_written == 7


def test_foreign_folders_are_recognised(tmp_path):
    """A folder with somebody else's files is foreign; an empty one and one of ours are not."""
    ours, empty, theirs = (RunFolder(tmp_path / name) for name in ("ours", "empty", "theirs"))
    ours.create()
    empty.path.mkdir()
    theirs.path.mkdir()
    (theirs.path / "thesis.tex").touch()

    assert [folder.is_foreign() for folder in (ours, empty, theirs)] == [False, False, True]


def test_nothing_is_left_of_a_failed_write(tmp_path):
    """A write that fails leaves neither the file nor its half-written copy."""
    with pytest.raises(TypeError):
        write_whole(tmp_path / "x.json", None)

    assert list(tmp_path.iterdir()) == []


def test_output_that_cannot_be_made_is_explained(tmp_path):
    """An output path below a file says which folder cannot be made and what to do."""
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=r"file/out cannot be made .* choose another"):
        RunFolder(tmp_path / "file" / "out").create()
