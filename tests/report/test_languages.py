from __future__ import annotations

from nemo_sdg.report.languages import Found, languages


def test_the_diagonal_is_what_is_right():
    """Each language asked for is a line, with the texts by detected language and the share that is right."""
    found = languages(
        "text",
        [
            *[Found("German", "German", right=True)] * 3,
            Found("German", "English", right=False),
            *[Found("Malay", "Indonesian", right=True)] * 2,
            Found("Klingon", "English", right=None),
            Found("German", None, right=False),
        ],
    )
    assert (found.rows, found.right, found.judged) == (8, 5, 7)
    assert found.detected == ["German", "Indonesian", "English", "none"]
    german, klingon, malay = found.lines
    assert (german.language, german.rows, german.right) == ("German", 5, 3)
    assert german.cells == [(3, 60.0, True), (0, 0.0, False), (1, 20.0, False), (1, 20.0, False)]
    assert (klingon.right, malay.cells[1]) == (None, (2, 100.0, True))


def test_nothing_was_asked_for():
    """Without languages asked for there are totals and no lines."""
    found = languages(
        "text",
        [Found(None, "Greek", right=None), Found(None, None, right=None), Found(None, "Greek", right=None)],
    )
    assert (found.lines, found.right) == ([], None)
    assert found.totals == [("Greek", 2), ("none", 1)]


def test_many_languages():
    """Of many languages the most frequent have lines, and rare strays one column."""
    names = [f"L{number:03}" for number in range(60)]
    found = languages("text", [Found(name, f"X{name}", right=False) for name in names for _ in range(2)])
    assert (len(found.lines), found.left_out) == (24, 36)
    assert found.detected[-1] == "others"
    assert all(sum(rows for rows, _, _ in line.cells) == 2 for line in found.lines)
