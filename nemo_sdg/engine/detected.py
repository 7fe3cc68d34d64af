"""The languages of rows: asked for and detected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import RowError
from nemo_sdg.report.languages import Found, Languages, languages
from nemo_sdg.report.text_columns import text_of
from nemo_sdg.stages.language_detector import Detector
from nemo_sdg.stages.languages import language_name, same_language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nemo_sdg.engine.sampled import Bounds

MOST_ROWS = 500
_ASKED, _DETECTED = "language", "detected_language"
_LOOKED_AT = 300
"""Characters of a text."""
_AT_A_TIME = 64  # texts between two looks at the time
_FAVOURITES = (
    "Arabic",
    "Chinese",
    "English",
    "French",
    "German",
    "Hindi",
    "Indonesian",
    "Italian",
    "Japanese",
    "Portuguese",
    "Russian",
    "Spanish",
)
"""What models answer in when they do not answer in the language asked for."""


def found_languages(rows: Sequence[Mapping[str, Any]], column: str, bounds: Bounds) -> Languages | None:
    """Return the languages of the texts in `column` of some of `rows`; None where there are no texts.

    A text is thought to be in a language that some row asks for or in one that models fall back to; in any
    where none is asked for, which takes four times as long. Where the rows say which language a stage has
    detected, that is taken.
    """
    number = min(len(rows), MOST_ROWS)
    chosen = [rows[place * len(rows) // number] for place in range(number)]
    pairs = [(row, (text_of(row.get(column)) or "")[:_LOOKED_AT]) for row in chosen]
    pairs = [(row, text) for row, text in pairs if text.strip()]
    if not pairs:
        return None
    known = all(isinstance(row.get(_DETECTED), str) for row, _ in pairs)
    possible = _possible(row for row, _ in pairs)
    detector = None if known else Detector(possible, low_accuracy=True)
    found: list[Found] = []
    for start in range(0, len(pairs), _AT_A_TIME):
        if bounds.reached and found:
            break
        some = pairs[start : start + _AT_A_TIME]
        detected = (
            [row[_DETECTED] for row, _ in some]
            if detector is None
            else detector.detect([text for _, text in some])
        )
        found += [_found(row, name) for (row, _), name in zip(some, detected, strict=True)]
    return languages(column, found, among=None if known else possible)


def _possible(rows: Iterable[Mapping[str, Any]]) -> list[str] | None:
    asked = {_asked(row)[1] for row in rows} - {None}
    return sorted({name for name in asked if name} | {*_FAVOURITES}) if asked else None


def _found(row: Mapping[str, Any], detected: str | None) -> Found:
    said, name = _asked(row)
    if name is None:
        return Found(said, detected, None)
    return Found(name, detected, detected is not None and same_language(detected, name))


def _asked(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the language that a row asks for, as it says and by its English name; None: it asks for none."""
    said = row.get(_ASKED)
    if not isinstance(said, str) or not said.strip():
        return None, None
    try:
        return said, language_name(said)
    except RowError:
        return said, None
