"""Text without what a model says before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.answer_json import without_reasoning
from nemo_sdg.stages.shown import beginning
from nemo_sdg.stages.text_cleaner import TextCleaner

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITHIN = 400  # characters at the beginning in which a prefix is looked for
_MARKS = " \t*_#>`\"'“”«»"
_COLONS = ":：︓﹕"  # noqa: RUF001 - colons of several scripts
_LEAD_IN = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|understood|gladly)\b(?!-)"
    r"(?:[!.,]?|[^\n]{0,160}[!:：])"  # noqa: RUF001
    r"|(?:here|below|the following)(?:['’]s|\s+is|\s+are|\b)[^\n]{0,200}[:：])"  # noqa: RUF001
    r"[*_]*[ \t]*(?:\n|\Z)",
    re.IGNORECASE,
)


class PrefixRemover(TextCleaner):
    """Removes what comes before the text that was asked for.

    That is everything up to one of `prefixes` at the beginning of a line near the top, whatever its case and
    the marks around it; without one, lines such as "Sure!" and "Here is the text:". Reasoning up to
    `</think>` goes as well. With `required` a row whose text has no prefix is rejected with `ParseError`:
    the model did something else than it was told. Needs `column`; null stays null. Raises `ConfigError` for
    prefixes that cannot be used.
    """

    def __init__(self, prefixes: Sequence[str] = (), *, column: str = "text", required: bool = False) -> None:
        super().__init__(column)
        if not isinstance(prefixes, (list, tuple)) or not all(
            isinstance(prefix, str) and prefix.strip(_MARKS + _COLONS) for prefix in prefixes
        ):
            raise ConfigError(f'prefixes is {prefixes!r}: give a list of texts, such as ["Summary:"]')
        if not isinstance(required, bool):
            raise ConfigError(f"required is {required!r}: give true or false")
        if required and not prefixes:
            raise ConfigError("required is true, and prefixes is empty: say what texts begin with")
        self.prefixes = list(prefixes)
        self.required = required
        words = (re.escape(prefix.strip(_MARKS + _COLONS)) for prefix in prefixes)
        marks = re.escape(_MARKS)
        self._prefix = re.compile(
            # Behind it comes a colon or the end of the line: a sentence may begin with the same words.
            rf"^[{marks}]*(?:{'|'.join(words)})[*_]*(?:[{_COLONS}][*_\"”»]*|[ \t]*$)[ \t]*\n?",
            re.IGNORECASE | re.MULTILINE,
        )

    def clean(self, text: str) -> str:
        """Return what comes after the prefix."""
        text = without_reasoning(text).strip()
        found = self._prefix.search(text, 0, _WITHIN) if self.prefixes else None
        if found is not None:
            return text[found.end() :].strip()
        if self.required:
            raise ParseError(
                f"expected a text that begins with {self.prefixes[0]!r}; found {beginning(text)}"
            )
        while (lead_in := _LEAD_IN.match(text)) is not None:
            text = text[lead_in.end() :].strip()
        return text
