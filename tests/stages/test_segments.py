"""Cutting texts into segments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.stages.approximate_tokens import ApproximateTokens
from nemo_sdg.stages.segments import segments_of


class Words:
    """Counts words; white space costs nothing."""

    def counts(self, texts):
        return [len(text.split()) for text in texts]


class Bytes:
    """Counts each byte, the separator too."""

    def counts(self, texts):
        return [len(text.encode()) for text in texts]


class Odd:
    """Takes more tokens for texts together than for each alone, which tokenizers may do."""

    def counts(self, texts):
        return [len(text) + max(0, text.count("\n") - 1) * 3 for text in texts]


COUNTERS = [Words(), Bytes(), Odd(), ApproximateTokens()]
PROSE = st.lists(
    st.text(st.sampled_from("ab \n.。!?字かя,\t"), max_size=60) | st.sampled_from(["", "\n\n", "A b. C d."]),
    max_size=8,
).map("\n".join)


def solid(text):
    """Return the text without white space."""
    return "".join(text.split())


@settings(derandomize=True, max_examples=150, deadline=None)
@given(PROSE, st.sampled_from(COUNTERS), st.integers(10, 60), st.integers(0, 10))
def test_limits_hold_and_nothing_is_lost(text, counter, limit, least):
    """No segment is over the limit; together, in their order, they are the text."""
    made = segments_of(text, counter, limit, min_tokens=least)

    assert max(counter.counts(made), default=0) <= limit
    assert solid("".join(made)) == solid(text)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(PROSE, st.sampled_from(["\n", "\n\n", "a"]))
def test_pieces_are_the_text(text, separator):
    """Without a limit, segments joined by the separator are the text to the character."""
    assert separator.join(segments_of(text, Words(), None, separator=separator)) == text


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.text("xyz ", max_size=20), min_size=1, max_size=30), st.sampled_from(COUNTERS))
def test_whole_lines(lines, counter):
    """Where every line fits, cuts are between lines only: joined, segments are the text to the character."""
    text = "\n".join(lines)

    assert "\n".join(segments_of(text, counter, 24)) == text


def test_adjacent_lines_stay_together_up_to_the_limit():
    """Short lines fill a segment, and the separators between them count as the tokens that they take."""
    text = "\n".join(["one two"] * 7)

    assert [len(each.split()) for each in segments_of(text, Words(), 6)] == [6, 6, 2]
    assert [len(each) for each in segments_of(text, Bytes(), 15)] == [15, 15, 15, 7]


def test_a_long_line_is_cut_between_sentences():
    """A line that is too long is cut behind sentences, in whatever script; its text is all there."""
    assert segments_of("One two. Three four. Five six.", Words(), 4) == ["One two. Three four. ", "Five six."]
    assert segments_of("一二三。四五六。七八九。", Bytes(), 24) == ["一二三。四五六。", "七八九。"]


def test_a_long_sentence_is_cut_between_words():
    """A sentence that is too long is cut between words, a word between characters."""
    assert segments_of("a b c d e", Words(), 2) == ["a b ", "c d ", "e"]
    assert segments_of("abcdefgh", Bytes(), 3) == ["ab", "cd", "ef", "gh"]


def test_a_character_is_not_cut():
    """A character over the limit is a segment, for there is nothing smaller."""
    assert segments_of("字", Bytes(), 1) == ["字"]


def test_a_short_end_is_not_lost():
    """A rest that is too short for a segment gets lines of the segment before, which keeps enough itself."""
    text = "\n".join(["one two"] * 7)

    assert [len(each.split()) for each in segments_of(text, Words(), 6, min_tokens=3)] == [6, 4, 4]
    assert [len(each.split()) for each in segments_of(text, Words(), 6, min_tokens=5)] == [6, 6, 2]
    assert segments_of("a", Words(), 6, min_tokens=5) == ["a"]
    long, short = "a b c d e f", "g"  # together they are over the limit
    assert segments_of(f"x\n{long}\n{short}", Words(), 6, min_tokens=2) == ["x", long, short]


def test_drop():
    """A line that is too long can be left out; what is before and behind it does not come together."""
    text = "a b\nc d e f g h\ni j"

    assert segments_of(text, Words(), 4, too_long="drop") == ["a b", "i j"]
    assert segments_of("a b\ni j", Words(), 4, too_long="drop") == ["a b\ni j"]


@pytest.mark.parametrize("lines", [2_000, 20_000])
def test_work_grows_with_the_text(lines):
    """A text of many short lines is counted about twice, not once for each line."""

    class Counted(ApproximateTokens):
        characters = 0

        def counts(self, texts):
            self.characters += sum(map(len, texts))
            return super().counts(texts)

    counter = Counted()
    text = "\n".join(["kurze Zeile ohne Sinn"] * lines)
    segments_of(text, counter, 400)

    assert counter.characters < 5 * len(text)
