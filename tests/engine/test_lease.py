from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import msgspec
import pytest

from nemo_sdg.engine import lease as lease_module
from nemo_sdg.engine.folder import LEASE, RunFolder
from nemo_sdg.engine.lease import Holder, Lease
from nemo_sdg.engine.lock import locked
from nemo_sdg.errors import OutputError


@pytest.fixture
def folder(bucket, monkeypatch):
    """Return an empty run folder in a bucket; leases of it are watched for a second."""
    for name, seconds in (("BEAT", 0.2), ("WATCH", 1.0), ("LOOK", 0.05)):
        monkeypatch.setattr(lease_module, name, seconds)
    folder = RunFolder(f"{bucket.url}/out")
    folder.create()
    return folder


def holder(folder):
    """Return who holds the lease."""
    return msgspec.json.decode(folder.store.read(LEASE), type=Holder)


def leave_behind(folder, **changes):
    """Put a lease there as a driver that was killed leaves it."""
    values = {"token": "t", "host": "far", "machine": "m", "pid": 1, "time": "2026-01-01T00:00:00+00:00"}
    folder.store.write(LEASE, msgspec.json.encode(Holder(**{**values, **changes})))


def test_it_is_kept_and_given_back(folder):
    """While it is held it changes, so that others see it is alive; afterwards nothing is left of it."""
    with locked(folder) as lock:
        first = holder(folder).beat
        while holder(folder).beat < first + 2:
            time.sleep(0.05)
        assert lock.lost == ""

    assert not folder.store.exists(LEASE)


def test_a_second_driver_is_refused_as_soon_as_the_first_is_seen_alive(folder):
    """Whoever finds a lease that changes is told who holds it; the holder keeps it."""
    notes = []
    with locked(folder) as lock:
        mine = holder(folder).token

        with pytest.raises(OutputError, match=rf"another run is writing to .* process {os.getpid()} on "):
            Lease(folder).take(notes.append)

        time.sleep(0.3)
        assert (holder(folder).token, lock.lost) == (mine, "")
    assert "watching for 1 s" in notes[0]


def test_a_lease_of_another_machine_is_taken_when_it_does_not_change(folder):
    """One that was left behind is nobody's after a while, whatever its times say; not before."""
    leave_behind(folder, time="2999-01-01T00:00:00+00:00", pid=os.getpid())
    notes = []
    since = time.monotonic()

    with locked(folder, notes.append):
        assert time.monotonic() - since >= 1.0
        assert holder(folder).token != "t"
    assert len(notes) == 1


def test_a_lease_of_a_process_that_ended_here_is_taken_at_once(folder):
    """After `kill -9` the same machine need not wait: it knows that the process is gone."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leave_behind(folder, machine=lease_module._machine(), pid=ended.pid)
    notes = []

    with locked(folder, notes.append):
        assert holder(folder).pid == os.getpid()
    assert notes == []


def test_a_lease_that_was_taken_over_is_noticed(folder):
    """Whoever finds somebody else's name in his lease says so, and leaves it to them."""
    with locked(folder) as lock:
        leave_behind(folder, token="other")
        while not lock.lost:
            time.sleep(0.05)
        assert "another run has taken over" in lock.lost
        assert "process 1 on far" in lock.lost

    assert holder(folder).token == "other"


def test_of_two_that_take_it_in_the_same_moment_one_stays(folder, monkeypatch):
    """Both see none and write theirs: within seconds one of them knows that it has lost."""
    both_looked = threading.Barrier(2)
    leases = [Lease(folder), Lease(folder)]
    original = Lease._write
    first = set()

    def write(self):
        if self not in first:
            first.add(self)
            both_looked.wait()
        original(self)

    monkeypatch.setattr(Lease, "_write", write)
    takers = [threading.Thread(target=lease.take, args=(lambda _: None,)) for lease in leases]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    while not any(lease.lost for lease in leases):
        time.sleep(0.05)
    time.sleep(0.5)

    assert sorted(bool(lease.lost) for lease in leases) == [False, True]
    for lease in leases:
        lease.leave()
