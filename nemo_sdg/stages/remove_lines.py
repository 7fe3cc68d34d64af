"""Text without lines that say nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.text_cleaner import TextCleaner

if TYPE_CHECKING:
    from collections.abc import Sequence


class LineRemover(TextCleaner):
    r"""Removes the lines that one of `patterns` matches as a whole, such as "passage \\d+:".

    Patterns are regular expressions; case, marks of markdown and white space around the line do not matter.
    Needs `column`; null stays null. Raises `ConfigError` for patterns that cannot be used.
    """

    def __init__(self, patterns: Sequence[str], *, column: str = "text") -> None:
        super().__init__(column)
        if not isinstance(patterns, (list, tuple)) or not patterns:
            raise ConfigError(
                f'patterns is {patterns!r}: give a list of regular expressions, such as ["passage:"]'
            )
        self.patterns = list(patterns)
        self._patterns = [_compiled(pattern) for pattern in patterns]

    def clean(self, text: str) -> str:
        """Return `text` without those lines, and without empty ones in their places."""
        lines = text.split("\n")
        kept = [line for line in lines if not self._is_removed(line.strip(" \t\r*_#"))]
        if len(kept) == len(lines):
            return text
        return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()

    def _is_removed(self, line: str) -> bool:
        return bool(line) and any(pattern.fullmatch(line) for pattern in self._patterns)


def _compiled(pattern: object) -> re.Pattern[str]:
    if not isinstance(pattern, str) or not pattern:
        raise ConfigError(f"patterns has {pattern!r}: give a regular expression")
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ConfigError(f"patterns has {pattern!r}, which is no regular expression: {error}") from None
