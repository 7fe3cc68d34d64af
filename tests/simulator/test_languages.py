from __future__ import annotations

import pytest

from nemo_sdg.simulator.languages import language_of


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("Generate a Q&A pair about science in French.", "FR"),
        ("generate a pair in FRENCH", "FR"),
        ("Schreibe auf Deutsch!", "DE"),
        ("Écris en français, s'il te plaît", "FR"),
        ("Translate from English to Greek", "EL"),
        ("Not Russian, not Ukrainian: Czech", "CS"),
        ("請用中文回答", "ZH"),
        ("日本語で答えてください", "JA"),
        ("한국어로 대답해 주세요", "KO"),
        ("Viết bằng Tiếng Việt", "VI"),
        ("dalam Bahasa Indonesia", "ID"),
        ("हिन्दी में लिखें", "HI"),
        ("اكتب باللغة العربية", "AR"),
        ("اكتب بالعربية", "AR"),
        ("The Frenchman, the Germans and Polishing", "EN"),
        ("German, then Germanic", "DE"),
        ("in_French", "FR"),
        ("Greek and Antidutch", "EL"),
        ("", "EN"),
    ],
)
def test_the_last_whole_name_decides(prompt, code):
    """The language named last as a whole word, in English or in itself, is found; English is the default."""
    assert language_of(prompt).code == code


def test_a_name_behind_a_long_text_is_found():
    """Megabytes before the name do no harm."""
    assert language_of("In English: " + "deep sea " * 300_000 + "Write in Turkish.").code == "TR"
