"""Languages by their names and codes, as the detector knows them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from nemo_sdg.errors import RowError

if TYPE_CHECKING:
    from lingua import Language

# Names other than the English name, ISO 639-1 and ISO 639-3 code that the detector has itself.
_OTHER_NAMES = {
    "mandarin": "Chinese",
    "mandarin chinese": "Chinese",
    "cantonese chinese": "Chinese",
    "cantonese": "Chinese",
    "putonghua": "Chinese",
    "中文": "Chinese",
    "汉语": "Chinese",
    "普通话": "Chinese",
    "日本語": "Japanese",
    "한국어": "Korean",
    "castilian": "Spanish",
    "español": "Spanish",
    "français": "French",
    "deutsch": "German",
    "italiano": "Italian",
    "português": "Portuguese",
    "nederlands": "Dutch",
    "flemish": "Dutch",
    "polski": "Polish",
    "čeština": "Czech",
    "svenska": "Swedish",
    "русский": "Russian",
    "українська": "Ukrainian",
    "ελληνικά": "Greek",
    "türkçe": "Turkish",
    "العربية": "Arabic",
    "עברית": "Hebrew",
    "हिन्दी": "Hindi",
    "हिंदी": "Hindi",
    "tiếng việt": "Vietnamese",
    "bahasa indonesia": "Indonesian",
    "bahasa melayu": "Malay",
    "farsi": "Persian",
    "dari": "Persian",
    "filipino": "Tagalog",
    "fil": "Tagalog",
    "slovenian": "Slovene",
    "bangla": "Bengali",
    "panjabi": "Punjabi",
    "azeri": "Azerbaijani",
    "kiswahili": "Swahili",
    "gaelic": "Irish",
    "sesotho": "Sotho",
    "setswana": "Tswana",
    "luganda": "Ganda",
    "bokmål": "Bokmal",
    "norwegian": "Bokmal",
    "norwegian bokmål": "Bokmal",
    "norwegian bokmal": "Bokmal",
    "norwegian nynorsk": "Nynorsk",
    "norsk": "Bokmal",
    "no": "Bokmal",
    "nor": "Bokmal",
    "cmn": "Chinese",
    "iw": "Hebrew",
    "in": "Indonesian",
    "zsm": "Malay",
}
_QUALIFIERS = re.compile(
    r"\b(?:simplified|traditional|modern|standard|american|british|australian|canadian|brazilian|european"
    r"|latin american|mexican|swiss|austrian|cyrillic)\b"
)
_REGION = re.compile(r"[-_][a-z0-9]{2,4}(?:[-_][a-z0-9]{2,4})*$")
_REMARK = re.compile(r"[(（\[].*?[)）\]]")  # noqa: RUF001 - Chinese brackets

MACROLANGUAGES = (
    frozenset(("Indonesian", "Malay")),
    frozenset(("Bokmal", "Nynorsk")),
    frozenset(("Bosnian", "Croatian", "Serbian")),
)
"""ISO 639-3 macrolanguages: their members are so close that short texts do not tell them apart."""


@lru_cache(maxsize=1024)
def language_name(name: str) -> str:
    """Return the English name of a language given by name or code, such as "zh-CN" or "Chinese (Simplified)".

    Raises `RowError` when the detector knows no such language.
    """
    plain = _REMARK.sub(" ", name.casefold())
    for form in (plain, _REGION.sub("", plain.strip()), _QUALIFIERS.sub(" ", plain.split(",")[0])):
        found = _names().get(" ".join(form.split()))
        if found is not None:
            return found
    raise RowError(
        f"language {name!r} is unknown: give its English name or ISO 639 code, such as German or de; "
        f"known are {', '.join(known_languages())}"
    )


def language_code(name: str) -> str | None:
    """Return the ISO 639-1 code of a language given by name or code; None where the detector knows none."""
    try:
        return by_name()[language_name(name)].iso_code_639_1.name.lower()
    except RowError:
        return None


def same_language(detected: str, expected: str) -> bool:
    """Return whether a text detected as `detected` counts as `expected`; both are English names."""
    return detected == expected or any({detected, expected} <= group for group in MACROLANGUAGES)


@cache
def known_languages() -> tuple[str, ...]:
    """Return the English names of the languages that can be detected."""
    return tuple(sorted(by_name()))


@cache
def by_name() -> dict[str, Language]:
    """Return the detector's languages by their English names."""
    from lingua import Language  # noqa: PLC0415 - only those who detect languages need it

    return {language.name.title(): language for language in Language.all()}


@cache
def _names() -> dict[str, str]:
    names = {other.casefold(): name for other, name in _OTHER_NAMES.items()}
    for name, language in by_name().items():
        codes = (language.iso_code_639_1.name, language.iso_code_639_3.name)
        names |= dict.fromkeys((name.casefold(), *(code.casefold() for code in codes)), name)
    return names
