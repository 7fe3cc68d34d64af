from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from nemo_sdg.engine import flusher as flusher_module
from nemo_sdg.engine.flusher import EVERY, LONGEST, Flusher
from nemo_sdg.errors import OutputError


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Journal:
    """A journal that fails, hangs or works."""

    def __init__(self):
        self.flushes = 0
        self.fails = False
        self.answers = threading.Event()
        self.answers.set()

    def flush(self, *, patiently):
        assert not patiently
        self.flushes += 1
        self.answers.wait()
        if self.fails:
            raise OutputError("no room: make some")


@pytest.fixture(params=[True, False], ids=["disk", "bucket"])
def flusher(request, monkeypatch):
    """Return a flusher for each kind of store, with a clock of its own."""
    monkeypatch.setattr(flusher_module, "_WAIT", 0.05)
    store = SimpleNamespace(appends=request.param, url="s3://b", remedy="mend it")
    clock = Clock()
    made = Flusher(SimpleNamespace(store=store), clock)
    made.clock = clock
    yield made
    made.close()


def test_all_are_flushed(flusher):
    """Every journal that is open is flushed, once each time."""
    journals = [Journal() for _ in range(40)]
    for _ in range(2):
        flusher.flush(journals)
        flusher.clock.now += EVERY

    assert {journal.flushes for journal in journals} == {2}
    assert flusher.lost is None


@pytest.mark.parametrize("flusher", [True], indirect=True)
def test_a_full_disk_stops_the_work_at_once(flusher):
    """Each answer after the first that a disk does not take would be paid for and lost."""
    good, bad = Journal(), Journal()
    bad.fails = True
    flusher.flush([good, bad])

    assert str(flusher.lost) == "no room: make some"


@pytest.mark.parametrize("flusher", [False], indirect=True)
def test_a_journal_that_cannot_be_kept_stops_the_work_after_a_while(flusher):
    """Failing for seconds is borne; for longer it is said, with what the journal said, whatever others do."""
    good, bad = Journal(), Journal()
    bad.fails = True
    flusher.flush([good, bad])
    flusher.clock.now += LONGEST - 1
    flusher.flush([good, bad])
    assert flusher.lost is None

    flusher.clock.now += 2
    flusher.flush([good, bad])

    assert str(flusher.lost) == "no room: make some"


@pytest.mark.parametrize("flusher", [False], indirect=True)
def test_what_recovers_or_is_closed_is_forgiven(flusher):
    """A journal that works again, or is not open any more, does not stop the work later."""
    healed, closed = Journal(), Journal()
    healed.fails = closed.fails = True
    flusher.flush([healed, closed])
    healed.fails = False
    for _ in range(3):
        flusher.clock.now += LONGEST - 1
        flusher.flush([healed])
    healed.fails = True
    flusher.clock.now += EVERY
    flusher.flush([healed])

    assert flusher.lost is None


@pytest.mark.parametrize("flusher", [False], indirect=True)
def test_a_store_that_hangs_holds_nothing_up_and_stops_the_work(flusher):
    """While a bucket does not answer, the heart goes on; nothing is sent twice; in the end that is said."""
    journal = Journal()
    journal.answers.clear()
    for _ in range(4):
        flusher.flush([journal])
        flusher.clock.now += LONGEST / 4
    assert (journal.flushes, flusher.lost) == (1, None)

    flusher.clock.now += 1
    flusher.flush([journal])
    journal.answers.set()

    assert "does not answer: mend it" in str(flusher.lost)
