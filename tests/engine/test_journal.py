from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client.answer import completion_from
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.journal import ShardJournal, read_journal
from nemo_sdg.errors import OutputError, ServerError


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
    file = folder.answers(0, "w")
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace(',"hedged":0', "")]) + "\n")

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


def test_counts_tell_paid_from_reused(folder):
    """Recorded answers count as requests with their attempts, recalled ones as reused, tokens for both."""
    first = journal(folder)
    first.record("a", completion("x"))
    first.record_failure(ServerError("x", attempts=4, throttles=1))
    first.close()
    second = journal(folder)
    second.recall("a")

    assert (first.counts.requests, first.counts.attempts, first.counts.throttles) == (2, 7, 2)
    assert (first.counts.failures, first.counts.reused) == (1, 0)
    assert (second.counts.requests, second.counts.reused) == (0, 1)
    assert second.counts.completion_tokens == first.counts.completion_tokens == 5


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

    assert folder.answers_of_all(0) == []


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
    file = folder.answers(0, "w")
    whole = file.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    file.write_bytes(whole[:cut] + data.draw(st.binary(max_size=10)).replace(b"\n", b""))

    entries = read_journal(file)

    lines = whole[:cut].count(b"\n")
    assert [entry.key for entry in entries[:lines]] == [str(number) for number in range(lines)]
    assert len(entries) <= lines + 1
    assert all(completion_from(entry.raw).texts == [texts[int(entry.key)]] for entry in entries)
