from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client.answer import completion_from
from nemo_sdg.engine.entries import read_entries
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.journal import ShardJournal
from nemo_sdg.errors import OutputError, ServerError
from nemo_sdg.report.numbers import Counts


def completion(text: str):
    """Return a completion with `text`."""
    made = completion_from(
        {
            "model": "m",
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 5},
        }
    )
    made.latency, made.attempts, made.throttles = 0.5, 3, 1
    return made


@pytest.fixture
def folder(tmp_path):
    """Return an empty run folder."""
    folder = RunFolder(tmp_path)
    folder.create()
    return folder


def journal(folder, worker="w", shard=0):
    """Return the journal of a shard."""
    return ShardJournal(folder, shard, worker)


def test_an_answer_is_recalled_by_another_worker(folder):
    """What one worker recorded, another recalls whole: text, reason, usage, attempts."""
    first = journal(folder)
    first.record("k", completion("bonjour ñ 🙂"))
    first.close()

    found = journal(folder, "other").recall("k")

    assert found == completion("bonjour ñ 🙂")


def test_tries_besides_slow_ones_are_counted(folder):
    """What was sent twice is counted where it was sent, and recalled; older journals do not say."""
    twice = completion("x")
    twice.hedged = 1
    first = journal(folder)
    first.record("k", twice)
    first.record("l", completion("y"))
    first.close()
    assert first.counts.hedged == 1
    assert b"hedged" not in folder.store.read(folder.journal(0, "w")).splitlines()[1]

    second = journal(folder, "other")

    assert second.recall("k") == twice
    assert second.recall("l") == completion("y")
    assert second.counts.hedged == 0


def test_only_the_own_shard_is_recalled(folder):
    """An answer of another shard is not taken for this one's."""
    first = journal(folder, shard=1)
    first.record("k", completion("x"))
    first.close()

    assert journal(folder, shard=11).recall("k") is None


def test_counts_tell_paid_from_earlier_and_reused(folder):
    """Answers count where they were paid for: as this attempt's, or as earlier; recalled ones as reused."""
    first = journal(folder)
    first.record("a", completion("x"))
    first.record_failure(ServerError("x", attempts=4, throttles=1))
    first.close()
    second = journal(folder)
    second.recall("a")
    second.recall("a")

    assert (first.counts.requests, first.counts.attempts, first.counts.throttles) == (2, 7, 2)
    assert (first.counts.failures, first.counts.reused, first.counts.completion_tokens) == (1, 0, 5)
    assert first.earlier == Counts()
    assert second.counts == Counts(reused=1)
    assert second.earlier == Counts(
        requests=1,
        attempts=3,
        throttles=1,
        hedged=0,
        prompt_tokens=3,
        completion_tokens=5,
        latencies={"0.512": 1},
    )


def test_a_later_pool_counts_only_what_is_new(folder):
    """What the pool before has counted is not earlier for the next; what a killed worker paid since is."""
    before = journal(folder, "before")
    before.record("a", completion("x"))
    before.close()
    first = journal(folder, "one")
    first.record("b", completion("y"))
    first.close()
    killed = journal(folder, "two")
    killed.record("c", completion("z"))
    killed.close()

    again = ShardJournal(folder, 0, "three", first.counted)

    assert (first.earlier.requests, first.counts.requests, again.earlier.requests) == (1, 1, 1)
    assert again.counted.requests == 3
    assert ShardJournal(folder, 0, "four", again.counted).earlier == Counts()


def test_forgotten_answers_are_paid_but_not_in_use(folder):
    """An answer that was given up is not recalled; it counts as paid, and by its question."""
    question, digest = "7-qa", "0123456789abcdef01234567"
    first = journal(folder)
    for number in range(3):
        first.record(question + digest[:-1] + str(number), completion(str(number)))
    first.record("7-q" + digest, completion("other"))
    first.close()
    entries = folder.entries(0)
    for entry in entries[:2]:
        entry.forgotten = True
    folder.replace_entries(0, entries)

    second = journal(folder, "other")

    assert second.recall(entries[0].key) is None
    assert second.recall(entries[2].key) is not None
    assert [second.times_forgotten(question) for question in ("7-qa", "7-q", "7-")] == [2, 0, 0]
    assert (second.earlier.requests, second.counts.reused) == (4, 1)


def test_answers_that_were_cut_off_are_counted_where_they_are_in_use(folder):
    """Whether new or recalled, an answer that ended at max_tokens counts once."""
    first = journal(folder)
    for key, reason in (("a", "length"), ("b", "stop")):
        made = completion("x")
        made.raw["choices"][0]["finish_reason"] = reason
        made.finish_reasons = [reason]
        first.record(key, made)
    first.recall("a")
    first.close()
    second = journal(folder, "other")
    second.recall("a")
    second.recall("a")

    assert (first.counts.truncated, second.counts.truncated) == (1, 1)
    assert journal(folder, "third").counts.truncated == 0


def test_an_answer_of_the_same_attempt_is_not_paid_again(folder):
    """What was recorded a moment ago is recalled, and counts neither as reused nor twice."""
    book = journal(folder)
    book.record("k", completion("x"))

    assert book.recall("k") == completion("x")
    assert (book.counts.reused, book.counts.requests, book.counts.completion_tokens) == (0, 1, 5)
    book.close()


def test_a_journal_that_cannot_be_written_is_an_error_of_the_output(folder, tmp_path):
    """A full disk or a lost folder stops the job: it is not the fault of the row whose answer came."""
    (tmp_path / "_run" / "answers").rmdir()

    with pytest.raises(OutputError, match="paid answers cannot be kept"):
        journal(folder).record("k", completion("x"))


def test_no_file_without_an_answer(folder):
    """A shard for which nothing was paid leaves no journal."""
    journal(folder).close()

    assert folder.journals(0) == []


@settings(derandomize=True, max_examples=200, deadline=None)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=5), data=st.data())
def test_a_torn_journal_gives_all_whole_answers(tmp_path_factory, texts, data):
    """Cut anywhere, a journal gives back each answer before the cut and nothing that was not recorded."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    folder.create()
    book = journal(folder)
    for number, text in enumerate(texts):
        book.record(str(number), completion(text))
    book.close()
    whole = folder.store.read(folder.journal(0, "w"))
    cut = data.draw(st.integers(0, len(whole)))
    torn = whole[:cut] + data.draw(st.binary(max_size=10)).replace(b"\n", b"")

    entries = read_entries([torn])

    lines = whole[:cut].count(b"\n")
    assert [entry.key for entry in entries[:lines]] == [str(number) for number in range(lines)]
    assert len(entries) <= lines + 1
    assert all(completion_from(entry.raw).texts == [texts[int(entry.key)]] for entry in entries)
