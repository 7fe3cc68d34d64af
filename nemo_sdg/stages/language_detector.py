"""Finding out the language of a text by the text itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemo_sdg.stages.languages import by_name

if TYPE_CHECKING:
    from collections.abc import Sequence

# The detector keeps the interpreter lock: a worker's other threads run only between calls of some ms.
TEXTS_AT_A_TIME = 16


class Detector:
    """Tells languages from each other: `languages` by their English names, or all that lingua knows (None).

    It reads the data of a language when the first text comes that may be in it, which takes seconds at full
    accuracy; the little that `low_accuracy` needs is read at once when it is to be `preloaded`.
    """

    def __init__(
        self, languages: Sequence[str] | None = None, *, low_accuracy: bool = False, preloaded: bool = False
    ) -> None:
        from lingua import LanguageDetectorBuilder  # noqa: PLC0415 - only those who detect need it

        known = by_name()
        builder = LanguageDetectorBuilder.from_languages(*(known[name] for name in languages or known))
        if low_accuracy:
            builder = builder.with_low_accuracy_mode()
        if preloaded:
            builder = builder.with_preloaded_language_models()
        self._detector = builder.build()

    def detect(self, texts: Sequence[str], min_confidence: float = 0.0) -> list[str | None]:
        """Return the English name of each text's language; None where it has no words, or none so sure."""
        found: list[str | None] = []
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            some = list(texts[start : start + TEXTS_AT_A_TIME])
            if min_confidence:
                for values in self._detector.compute_language_confidence_values_in_parallel(some):
                    best = values[0]
                    sure = best.value > 0 and best.value >= min_confidence
                    found.append(best.language.name.title() if sure else None)
            else:
                languages = self._detector.detect_languages_in_parallel_of(some)
                found += [None if language is None else language.name.title() for language in languages]
        return found
