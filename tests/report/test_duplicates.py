from __future__ import annotations

import random

from nemo_sdg.report.duplicates import duplicates

WORDS = [f"word{number}" for number in range(2000)]


def _texts(number: int, words: int = 60) -> list[str]:
    chance = random.Random(1)
    return [" ".join(chance.choices(WORDS, k=words)) for _ in range(number)]


def _found(texts):
    return duplicates("text", [(str(place), text) for place, text in enumerate(texts)])


def test_copies_and_near_ones_are_told_apart():
    """Copies are counted beside their first one; a text with a word changed is near, as are its copies."""
    texts = _texts(300)
    near = texts[7].replace(texts[7].split()[30], "changed", 1)
    found = _found([*texts, texts[3], texts[3], near, near])
    assert (found.rows, found.exact, found.near) == (304, 3, 1)
    assert [group.rows for group in found.exact_groups] == [3, 2]
    assert [example.row_id for example in found.exact_groups[0].examples] == ["3", "300", "301"]
    (group,) = found.near_groups
    assert group.rows == 3
    assert [example.text for example in group.examples] == [texts[7], near]


def test_different_texts_are_none():
    """Texts of the same words in another order, and short ones, are no duplicates."""
    chance = random.Random(2)
    words = WORDS[:40]
    shuffled = [" ".join(chance.sample(words, len(words))) for _ in range(200)]
    found = _found([*shuffled, "yes", "yes.", "no", "", "  "])
    assert (found.rows, found.exact, found.near) == (203, 0, 0)


def test_scripts_without_spaces():
    """In Chinese, a character changed in a longer text makes it near, other texts not."""
    chance = random.Random(3)
    text = "".join(chr(0x4E00 + chance.randrange(3000)) for _ in range(120))
    other = "".join(chr(0x4E00 + chance.randrange(3000)) for _ in range(120))
    assert _found([text, f"{text[:60]}x{text[61:]}", other]).near == 1


def test_case_and_marks_do_not_matter_for_near_ones():
    """A text in other case and punctuation is near, and no copy."""
    (text,) = _texts(1)
    found = _found([text, text.upper() + "!!"])
    assert (found.exact, found.near) == (0, 1)


def test_all_alike():
    """Rows that all resemble each other are one group, with a few examples."""
    (text,) = _texts(1)
    found = _found([f"{text} {number}" for number in range(500)])
    assert found.near == 499
    assert [(group.rows, len(group.examples)) for group in found.near_groups] == [(500, 3)]


def test_half_characters_and_nothing():
    """Texts with half a character are compared like others; of no texts nothing is found."""
    assert _found(["\ud800", "\ud800"]).exact == 1
    empty = _found([])
    assert (empty.rows, empty.exact, empty.near, empty.near_groups) == (0, 0, 0, [])
