from __future__ import annotations

import pickle
import threading

import pytest
from pyarrow import fs

from nemo_sdg.storage import Store, remote


def test_a_bucket_that_is_not_there_is_said(bucket):
    """Opening a bucket that does not exist is an error, not an empty folder."""
    with pytest.raises(FileNotFoundError, match="no bucket 'nobody-has-this'"):
        Store.open("s3://nobody-has-this/out").make("a")
    Store.open(f"{bucket.url}/out").make("a")


def test_it_travels_as_its_url(bucket):
    """A pickled store is opened again where it arrives; one on a file system takes that along."""
    Store.open(f"{bucket.url}/out").write("x", b"1")
    host = bucket.endpoint.removeprefix("http://")
    there = fs.S3FileSystem(
        access_key="a", secret_key="hunter2", endpoint_override=host, scheme="http", region="us-east-1"
    )

    for store in (Store.open(f"{bucket.url}/out"), Store.open(f"{bucket.name}/out", there)):
        assert pickle.loads(pickle.dumps(store)).read("x") == b"1"
        assert "hunter2" not in repr(store)


def test_a_file_takes_one_request(bucket, monkeypatch):
    """A small file is one PUT: whole, or not there."""
    import werkzeug.serving

    requests = []
    monkeypatch.setattr(
        werkzeug.serving.WSGIRequestHandler,
        "log_request",
        lambda self, *_: requests.append(f"{self.command} {self.path}"),
    )
    Store.open(f"{bucket.url}/out").write("x", b"1")

    assert requests == [f"PUT /{bucket.name}/out/x"]


class Flaky:
    """A file system that fails so many times."""

    type_name = "s3"

    def __init__(self, failures):
        self.failures = failures

    def get_file_info(self, path):
        if self.failures:
            self.failures -= 1
            raise OSError("AWS Error SLOW_DOWN")
        return fs.FileInfo(path, fs.FileType.File)


def test_what_fails_for_a_moment_is_tried_again(monkeypatch):
    """An error of the store that goes away within seconds is nobody's concern; one that stays is raised."""
    monkeypatch.setattr(remote, "_PAUSE", 0.01)
    assert remote.RemoteStore(Flaky(3), "b", "s3://b", ()).exists("x")

    monkeypatch.setattr(remote, "PATIENCE", 0.05)
    with pytest.raises(OSError, match="SLOW_DOWN"):
        remote.RemoteStore(Flaky(1000), "b", "s3://b", ()).exists("x")


def test_flushes_make_files_and_a_failed_one_is_made_up_for(bucket, monkeypatch):
    """Each flush of something new makes one file; what a failed flush held is in the next; none is twice."""
    store = Store.open(f"{bucket.url}/out")
    appender = store.append("a/w.jsonl")
    appender.flush()
    appender.write(b"1\n")
    appender.flush()
    appender.flush()
    appender.write(b"2\n")
    put = store.write_once

    def fail_late(name, content):
        put(name, content)
        raise OSError("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_once", fail_late)
        with pytest.raises(OSError, match="lost"):
            appender.flush(patiently=False)
    appender.write(b"3\n")
    appender.close()

    assert store.read_all(store.names()) == {"a/w.0000.jsonl": b"1\n", "a/w.0001.jsonl": b"2\n3\n"}
    assert appender.files == store.names()


def test_writing_does_not_wait_for_a_flush(monkeypatch, tmp_path):
    """What arrives while a flush is on its way is taken in at once, and is in the next file."""
    (tmp_path / "out").mkdir()
    store = Store.open("out", fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()))
    appender = store.append("w.jsonl")
    under_way, go_on = threading.Event(), threading.Event()
    put = store.write_once

    def slowly(name, content):
        under_way.set()
        go_on.wait()
        put(name, content)

    monkeypatch.setattr(store, "write_once", slowly)
    appender.write(b"1")
    flush = threading.Thread(target=appender.flush, kwargs={"patiently": False})
    flush.start()
    under_way.wait()
    appender.write(b"2")
    go_on.set()
    flush.join()
    appender.close()

    assert list(store.read_all(store.names()).values()) == [b"1", b"2"]
