from __future__ import annotations

import os
import pickle

import pytest

from nemo_sdg.errors import OutputError
from nemo_sdg.storage import Store
from nemo_sdg.storage.local import LocalStore


def test_a_failed_write_leaves_what_was_there(tmp_path):
    """A write that fails half-way leaves the file before as it was, and nothing beside it."""
    store = LocalStore(tmp_path)
    store.write("x", b"old")

    def fail():
        with store.whole_file("x") as aside:
            aside.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    with pytest.raises(TypeError):
        store.write("x", None)

    assert store.read("x") == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["x"]


def test_a_file_is_on_the_disk_before_it_is_in_its_place(tmp_path, monkeypatch):
    """The whole of a file is synced while its place still holds the one before."""
    synced = []
    original = os.fsync

    def spy(descriptor):
        synced.append((os.fstat(descriptor).st_size, (tmp_path / "x").exists()))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    LocalStore(tmp_path).write("x", b"12345")

    assert synced == [(5, False)]


def test_a_reader_never_sees_half(tmp_path):
    """Who has a file open while it is written again reads the old one to its end."""
    store = LocalStore(tmp_path)
    store.write("x", b"old")

    with store.open_input("x") as stream:
        store.write("x", b"newer")
        assert stream.read() == b"old"
    assert store.read("x") == b"newer"


def test_files_that_are_being_written_are_not_listed(tmp_path):
    """What a killed writer left behind is no file of the store, and can be cleared away."""
    store = LocalStore(tmp_path)
    with store.whole_file("a/x") as aside:
        aside.touch()
        left = aside.with_name(aside.name[:-1] + "0")
        left.touch()
        assert store.names() == []

    assert store.names() == ["a/x"]
    store.delete_unfinished("a")
    assert not left.exists()


@pytest.mark.parametrize("link", ["_run", "_run/answers"])
def test_links_do_not_lead_out(tmp_path, link):
    """Where a folder of the store is a link to elsewhere, nothing is written, made or deleted through it."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "answers").mkdir(parents=True)
    (elsewhere / "precious").write_text("here")
    store = LocalStore(tmp_path / "out")
    (store.path / link).parent.mkdir(parents=True)
    (store.path / link).symlink_to(elsewhere)

    for action in (
        lambda: store.make("_run/answers"),
        lambda: store.write(f"{link}/x", b""),
        lambda: store.append(f"{link}/x"),
        lambda: store.delete(f"{link}/precious"),
        lambda: store.place(link),
    ):
        with pytest.raises(OutputError, match="is a link"):
            action()

    assert sorted(file.name for file in elsewhere.iterdir()) == ["answers", "precious"]


def test_a_link_in_place_of_a_file_is_replaced(tmp_path):
    """Writing where a link lies leaves alone what it led to; appending to one is refused."""
    target = tmp_path / "target"
    target.write_text("mine")
    store = LocalStore(tmp_path / "out")
    store.make()
    for name in ("x", "journal"):
        (store.path / name).symlink_to(target)

    store.write("x", b"new")
    with pytest.raises(OSError, match="symbolic links"):
        store.append("journal")

    assert (target.read_text(), store.read("x")) == ("mine", b"new")
    assert not (store.path / "x").is_symlink()


def test_a_folder_that_was_lost_is_not_made_again(tmp_path):
    """When the disk with the folder is gone, writing says so and does not begin another folder there."""
    store = LocalStore(tmp_path / "out")

    for name in ("x", "a/x", "a/b/x"):
        with pytest.raises(FileNotFoundError):
            store.write(name, b"")

    assert not store.path.exists()


def test_it_travels_as_its_path(tmp_path):
    """A pickled store is the same folder."""
    LocalStore(tmp_path).write("x", b"1")

    assert pickle.loads(pickle.dumps(Store.open(str(tmp_path)))).read("x") == b"1"
