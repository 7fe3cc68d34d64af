from __future__ import annotations

from nemo_sdg.engine.detected import found_languages
from nemo_sdg.engine.sampled import Bounds

GERMAN = "Die Katze sitzt auf dem Dach und schaut in den Garten hinunter."
FRENCH = "Le chat est assis sur le toit et regarde le jardin en bas."


def test_asked_and_detected():
    """Texts are told apart, whatever way the language is named; one that nobody knows is not judged."""
    rows = [
        {"language": "German", "text": GERMAN},
        {"language": "de-AT", "text": GERMAN},
        {"language": "French", "text": GERMAN},
        {"language": "Klingon", "text": FRENCH},
        {"language": "French", "text": "12345"},
        {"language": None, "text": FRENCH},
        {"language": "German", "text": "  "},
    ]
    found = found_languages(rows, "text", Bounds(60))
    assert (found.rows, found.right, found.judged) == (6, 2, 4)
    assert [line.language for line in found.lines] == ["French", "German", "Klingon"]
    assert dict(found.totals) == {"German": 3, "French": 2, "none": 1}


def test_what_a_stage_has_detected_is_taken():
    """Rows that say which language was detected are not looked at again."""
    found = found_languages([{"text": GERMAN, "detected_language": "Dutch"}], "text", Bounds(60))
    assert found.totals == [("Dutch", 1)]


def test_no_texts_and_no_time():
    """Without texts there is nothing; without time the first texts are looked at."""
    assert found_languages([{"text": None}, {}], "text", Bounds(60)) is None
    assert found_languages([{"text": GERMAN}] * 300, "text", Bounds(0)).rows == 64
