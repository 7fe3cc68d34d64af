"""What both kinds of store promise, and what an appender does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from nemo_sdg.storage import Store


@pytest.fixture(params=["disk", "s3", "other"])
def store(request, tmp_path):
    """Return an empty store of each kind."""
    if request.param == "disk":
        store = Store.open(tmp_path / "out")
    elif request.param == "s3":
        store = Store.open(f"{request.getfixturevalue('bucket').url}/some/out")
    else:
        (tmp_path / "base").mkdir()
        base = fs.SubTreeFileSystem(str(tmp_path / "base"), fs.LocalFileSystem())
        store = Store.open("out", base)
    store.make("a", "a/b")
    return store


def test_files_are_kept(store):
    """What is written is read, listed with its size, found and deleted; deleting twice does no harm."""
    assert store.is_empty() or store.appends  # an empty folder on disk is something
    store.write("x", b"12")
    store.write("a/b/y", b"3" * 100)
    with store.whole_file("a/z") as file:
        file.write_bytes(b"4")

    assert store.names() == ["a/b/y", "a/z", "x"]
    assert (store.names("a"), store.names("none")) == (["a/b/y", "a/z"], [])
    assert store.sizes() == {"x": 2}
    assert store.read_all(["x", "a/z", "none"]) == {"x": b"12", "a/z": b"4"}
    assert [store.exists(name) for name in ("x", "a", "a/b/y", "none")] == [True, True, True, False]
    assert not store.is_empty()
    with store.open_input("a/b/y") as stream:
        stream.seek(98)
        assert stream.read() == b"33"

    store.delete("x", "none", "a/z")
    store.delete("x")
    assert store.names() == ["a/b/y"]


def test_what_is_not_there_is_said(store):
    """Reading a file that is not there raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        store.read("none")
    with pytest.raises(FileNotFoundError):
        store.open_input("none").read()


def test_nothing_comes_of_a_file_that_was_not_finished(store):
    """An exception while a file is being written leaves the one before."""
    store.write("x", b"old")

    def fail():
        with store.whole_file("x") as file:
            file.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert (store.read("x"), store.names()) == (b"old", ["x"])


STEP = st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(["flush", "kill"]))
STEPS = st.lists(STEP, max_size=12)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(steps=STEPS)
@pytest.mark.parametrize("kind", ["disk", "other"])
def test_what_was_flushed_survives_a_kill(tmp_path_factory, kind, steps):
    """Any order of writing, flushing and being killed keeps all that was flushed, in order, once.

    Of what was not flushed a part may be there, for a buffer may have been full.
    """
    path = tmp_path_factory.mktemp("store")
    store = Store.open(path)
    if kind == "other":
        store = Store.open("out", fs.SubTreeFileSystem(str(path), fs.LocalFileSystem()))
        store.make()
    lives = []  # name, what was flushed, what was written
    killed = []
    for step in ["kill", *steps]:
        if step == "kill":
            name = f"{len(lives):03d}.jsonl"
            killed.append(store.append(name))
            lives.append([name.removesuffix(".jsonl"), b"", b""])
        elif step == "flush":
            killed[-1].flush()
            lives[-1][1] = lives[-1][2]
        else:
            killed[-1].write(step)
            lives[-1][2] += step

    contents = store.read_all(store.names())
    for life, flushed, written in lives:
        kept = b"".join(content for name, content in sorted(contents.items()) if name.startswith(life))
        assert kept.startswith(flushed)
        assert written.startswith(kept)
    for appender in killed:
        appender.close()
    assert b"".join(store.read_all(store.names()).values()) == b"".join(life[2] for life in lives)
