"""Keeping rows whose text is in the language that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError, RowError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns, text_column
from nemo_sdg.stages.language_detector import Detector
from nemo_sdg.stages.languages import language_name, same_language
from nemo_sdg.stages.rows import reject, set_column

if TYPE_CHECKING:
    from collections.abc import Sequence


class LanguageFilter(Stage):
    """Keeps the rows whose text is in the expected language, found out by the text itself.

    `expected` is the column that holds each row's language, or a list of languages that are all right; names
    in English or ISO 639 codes. Indonesian and Malay, and other pairs of `MACROLANGUAGES`, count as the same.
    `languages` limits what a text can be taken for (None: the 75 languages that the detector knows), which
    saves memory and time: all need up to 1.3 GB in each worker and some seconds when the first text of under
    120 characters comes, 22 a third of that. `low_accuracy` needs a tenth, and is as good for longer texts.
    `min_confidence`, 0 to 1, is how sure of the language the detector has to be.

    Needs `column`, and `expected` where it is a column. Adds `detected_column`: an English name, null where
    the text has no words. Rows in another language, or in none, are dropped; a row whose expected language
    is unknown is rejected with `RowError`. Raises `ConfigError` for arguments that cannot be used.
    """

    def __init__(
        self,
        *,
        column: str = "text",
        expected: str | Sequence[str] = "language",
        languages: Sequence[str] | None = None,
        min_confidence: float = 0.0,
        low_accuracy: bool = False,
        detected_column: str = "detected_language",
    ) -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)
        self.expected: str | list[str]
        if isinstance(expected, str):
            self.expected = check_column(expected, "expected")
            self.requires = (column, expected)
        else:
            self.expected = _known(expected, "expected", least=1)
        self.languages = None if languages is None else _known(languages, "languages", least=2)
        for name in self.expected if isinstance(self.expected, list) else ():
            if self.languages is not None and not any(same_language(name, other) for other in self.languages):
                raise ConfigError(
                    f"expected has {name!r}, which languages lacks: no text can be taken for it"
                )
        if type(min_confidence) not in (int, float) or not 0 <= min_confidence <= 1:
            raise ConfigError(f"min_confidence is {min_confidence!r}: give a number from 0 to 1")
        self.min_confidence = min_confidence
        if not isinstance(low_accuracy, bool):
            raise ConfigError(f"low_accuracy is {low_accuracy!r}: give true or false")
        self.low_accuracy = low_accuracy
        (self.detected_column,) = check_new_columns((detected_column,), "detected_column")
        self.adds = (detected_column,)
        self._detector: Detector | None = None

    def setup(self) -> None:
        """Make the detector."""
        self._detector = Detector(self.languages, low_accuracy=self.low_accuracy, preloaded=self.low_accuracy)

    def close(self) -> None:
        """Let go of the detector."""
        self._detector = None

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows in the expected language, and those to reject."""
        texts = text_column(batch, self.column, self.name).to_pylist()
        detected = self._detect([text or "" for text in texts])
        kept: list[bool] = []
        errors: dict[int, Exception] = {}
        for position, (found, expected) in enumerate(zip(detected, self._expected(batch), strict=True)):
            try:
                names = [language_name(name) for name in expected]
            except RowError as error:
                errors[position] = error
            kept.append(
                position in errors
                or (found is not None and any(same_language(found, name) for name in names))
            )
        batch = set_column(batch, self.detected_column, pa.array(detected, pa.string()))
        return reject(batch, errors, self.name).filter(pa.array(kept, pa.bool_()))

    def _expected(self, batch: pa.Table) -> list[list[str]]:
        """Return the names that are right for each row."""
        if isinstance(self.expected, list):
            return [self.expected] * batch.num_rows
        names = text_column(batch, self.expected, self.name).to_pylist()
        return [["null" if name is None else name] for name in names]

    def _detect(self, texts: list[str]) -> list[str | None]:
        if self._detector is None:
            self.setup()
        assert self._detector is not None
        return self._detector.detect(texts, self.min_confidence)


def _known(names: Any, argument: str, least: int) -> list[str]:
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f'{argument} is {names!r}: give a list of languages, such as ["English", "de"]')
    try:
        known = list(dict.fromkeys(language_name(name) for name in names))
    except RowError as error:
        raise ConfigError(f"{argument} cannot be used: {error}") from None
    if len(known) < least:
        raise ConfigError(f"{argument} is {names!r}: give at least {least} different languages")
    return known
