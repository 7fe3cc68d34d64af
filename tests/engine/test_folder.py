from __future__ import annotations

import msgspec
import pytest

from nemo_sdg.engine.entries import Entry, encode
from nemo_sdg.engine.folder import RunFolder, rejected
from nemo_sdg.engine.manifest import Manifest, ShardDone
from nemo_sdg.errors import OutputError
from nemo_sdg.report.numbers import Counts
from nemo_sdg.stages import Shard
from nemo_sdg.stages.rows import Rejection


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

    assert folder.done_mark(3) is not None
    assert folder.done_mark(2) is None
    assert folder.done()[3].counts.rows_written == 7


def test_foreign_folders_are_recognised(tmp_path):
    """A folder with somebody else's files is foreign; an empty one and one of ours are not."""
    ours, empty, theirs = (RunFolder(tmp_path / name) for name in ("ours", "empty", "theirs"))
    ours.create()
    (tmp_path / "empty").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.tex").touch()

    assert [folder.is_foreign() for folder in (ours, empty, theirs)] == [False, False, True]


def test_output_that_cannot_be_made_is_explained(tmp_path):
    """An output path below a file says which folder cannot be made and what to do."""
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match=r"file/out cannot be made .* choose another"):
        RunFolder(tmp_path / "file" / "out").create()


@pytest.fixture(params=["disk", "s3"])
def folder(request, tmp_path):
    """Return an empty run folder of each kind."""
    place = tmp_path / "out" if request.param == "disk" else f"{request.getfixturevalue('bucket').url}/out"
    folder = RunFolder(place)
    folder.create()
    return folder


def fill(folder):
    """Put into a folder what a run makes."""
    folder.write_manifest(manifest())
    for shard in (0, 1):
        folder.store.write(folder.part(shard, ".parquet"), b"rows")
        folder.store.write(rejected(shard), msgspec.json.encode(Rejection(shard, "s", "E", "no")) + b"\n")
        folder.write_done(ShardDone(shard, Counts()))
        folder.replace_entries(shard, [entry("a")])
    folder.store.write("report.json", b"{}")
    folder.store.write("report.html", b"")


def entry(key, latency=1.0, **more):
    """Return an entry of a journal."""
    return Entry(key, latency, 1, 0, {"choices": [{"message": {"content": key}}]}, **more)


def test_what_is_done_is_forgotten_as_asked(folder):
    """Some shards or all are to run again; the others stay done."""
    fill(folder)
    assert folder.done_shards() == {0, 1}
    assert folder.done_mark(0) == ShardDone(0, Counts())

    folder.forget_done([0, 7])
    assert (folder.done_shards(), folder.done_mark(0)) == ({1}, None)
    folder.forget_done()
    assert (folder.done_shards(), list(folder.done())) == (set(), [])


def test_rejections_are_read_back(folder):
    """Why rows were rejected is known again; a shard without such rows has none."""
    fill(folder)

    assert folder.rejections(1) == [Rejection(1, "s", "E", "no")]
    assert folder.rejections(5) == []


def test_entries_are_replaced(folder):
    """Journals of a shard are read together and replaced together; other shards keep theirs."""
    for worker, key in (("one", "a"), ("two", "b")):
        folder.store.write(folder.journal(3, worker), encode(entry(key)) + b"\n")
    folder.store.write(folder.journal(4, "one"), encode(entry("x")) + b"\n{torn")
    assert [found.key for found in folder.entries(3)] == ["a", "b"]

    folder.replace_entries(3, [entry("c")])

    assert [found.key for found in folder.entries(3)] == ["c"]
    assert [found.key for found in folder.entries(4)] == ["x"]
    assert folder.journal_shards() == {3, 4}


@pytest.mark.parametrize("worker", ["000000000000", "ffffffffffff"])  # listed before and after the new one
def test_a_kill_while_entries_are_replaced_loses_and_doubles_nothing(folder, monkeypatch, worker):
    """With the new journal written and the old one still there, each entry counts once, as it is now."""
    folder.store.write(folder.journal(3, worker), b"".join(encode(entry(key)) + b"\n" for key in "ab"))
    monkeypatch.setattr(folder.store, "delete", lambda *_: None)

    folder.replace_entries(3, [entry("a"), entry("b", forgotten=True)])

    assert len(folder.journals(3)) == 2
    assert sorted((found.key, found.forgotten) for found in folder.entries(3)) == [("a", False), ("b", True)]


def test_clearing_removes_what_a_run_made(folder):
    """Rows, rejections, reports, answers and marks go; other files, and the lock, stay."""
    fill(folder)
    mine = ["notes.txt", "part-time.txt", "rejected/why.txt", "_run/lock.json"]
    for name in mine:
        folder.store.write(name, b"mine")

    folder.clear()

    assert folder.store.names() == sorted(mine)
    folder.create()
    assert (folder.manifest(), folder.done(), folder.journal_shards()) == (None, {}, set())


def test_a_folder_that_was_half_cleared_is_not_taken_for_done(folder, monkeypatch):
    """Killed at any moment of clearing, no shard is marked as done whose rows are gone."""
    fill(folder)
    delete = folder.store.delete
    steps = []

    def one_by_one(*names):
        for name in reversed(names):  # their order is nobody's promise
            delete(name)
            there = set(folder.store.names())
            steps.append(name)
            assert all(folder.part(shard, ".parquet") in there for shard in folder.done_shards())
            assert folder.manifest() is not None or not there - {"_run/lock"}

    monkeypatch.setattr(folder.store, "delete", one_by_one)
    folder.clear()

    assert len(steps) >= 11


def test_the_head_of_the_dataset_is_read(folder, tmp_path):
    """The first rows come from the first parts that are there, in both formats."""
    import pyarrow as pa

    from nemo_sdg.engine.commit import commit_shard
    from nemo_sdg.stages import JsonlWriter, ParquetWriter

    for writer in (ParquetWriter, JsonlWriter):
        made = msgspec.structs.replace(manifest(), suffix=writer.suffix)
        rows = pa.table({"row_id": [10, 11, 12]})
        commit_shard(folder, writer(tmp_path / "unused"), rows, [], ShardDone(1, Counts()))

        assert folder.first_rows(made, 2) == [{"row_id": 10}, {"row_id": 11}]
        assert len(folder.first_rows(made, 9)) == 3


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    """When somebody has put a link to elsewhere in place of `_run` or `rejected`, no run begins there."""
    for name in ("_run", "rejected"):
        (tmp_path / name / "elsewhere").mkdir(parents=True)
        (tmp_path / f"out-{name}").mkdir()
        (tmp_path / f"out-{name}" / name).symlink_to(tmp_path / name / "elsewhere")

        with pytest.raises(OutputError, match=f"{name} is a link"):
            RunFolder(tmp_path / f"out-{name}").create()
        assert list((tmp_path / name / "elsewhere").iterdir()) == []


def test_a_bucket_that_is_not_there_is_explained(bucket):
    """A bucket that does not exist says so, and what to look at; so does one that goes away."""
    with pytest.raises(
        OutputError, match=r"s3://nobody-has-this/out cannot be made .* check that the bucket"
    ):
        RunFolder("s3://nobody-has-this/out").create()
    assert bucket
