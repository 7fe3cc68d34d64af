"""Which language a prompt asks for."""

from __future__ import annotations

from functools import cache

from nemo_sdg.simulator.phrases import Language, languages_by_name, phrases

# These scripts put no space around a word, so that its neighbours may be letters.
_UNSPACED = ("中文", "汉语", "普通话", "日本語", "한국어", "한국말")


def language_of(prompt: str) -> Language:
    """Return the language that is named last in the prompt, in English or in itself; else English."""
    return named_language(prompt) or languages_by_name()["English"]


def named_language(prompt: str) -> Language | None:
    """Return the language that is named last in the prompt, if one is."""
    text = prompt.casefold()
    best = -1
    found = None
    for name, language in _names(text.isascii()):
        position = _last(text, name)
        if position > best:
            best, found = position, language
    return found


@cache
def _names(only_ascii: bool) -> tuple[tuple[str, Language], ...]:
    return tuple(
        (name.casefold(), language)
        for language in phrases().languages
        for name in language.names
        if name.isascii() or not only_ascii
    )


def _last(text: str, name: str) -> int:
    """Return where the name occurs last as a whole word, or -1."""
    position = text.rfind(name)
    while position >= 0 and name not in _UNSPACED:
        end = position + len(name)
        before_ends = position == 0 or not text[position - 1].isalnum()
        if before_ends and (end == len(text) or not text[end].isalnum()):
            break
        # The next candidate may overlap this one, but not start at the same place.
        position = text.rfind(name, 0, end - 1)
    return position
