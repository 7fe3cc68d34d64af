"""Checking that what a model wrote is in the language asked for, among those of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages import LanguageFilter
from nemo_sdg.stages.languages import language_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def language_filter(
    languages: Sequence[str], *, column: str = "text", detected_column: str = "detected_language"
) -> LanguageFilter:
    """Return a filter that tells `languages` from each other and from English, models' favourite.

    Each row's own is in the column `language`. Among these few, low accuracy makes no mistakes with texts of
    a question and an answer, and costs a hundredth of the memory and start-up time. Raises `ConfigError` for
    a language that cannot be detected.
    """
    try:
        names = {language_name(language) for language in languages}
    except RowError as error:
        raise ConfigError(f"languages: {error}; or set check_language: false") from None
    candidates = sorted(names | {"English"})
    if len(candidates) == 1:
        candidates.append("French")  # the detector needs two
    return LanguageFilter(
        column=column, languages=candidates, low_accuracy=True, detected_column=detected_column
    )
