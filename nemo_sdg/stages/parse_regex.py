"""From a regular expression's named groups to columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError, ParseError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns, text_column
from nemo_sdg.stages.rows import map_rows, set_column
from nemo_sdg.stages.shown import beginning

if TYPE_CHECKING:
    from collections.abc import Mapping


class ParseRegex(Stage):
    """Takes the named groups of the first match of `pattern` out of an answer.

    `pattern` is a Python regular expression with at least one `(?P<name>...)`; flags go into it, as `(?s)`.

    Needs `column`; adds a string column for each named group, null where the group took no part. Rows without
    a match are rejected with `ParseError`. Raises `ConfigError` for a pattern that cannot be used.
    """

    def __init__(self, pattern: str, *, column: str = "text") -> None:
        if not isinstance(pattern, str):
            raise ConfigError(f"pattern is {pattern!r}: give a regular expression as a string")
        try:
            self._compiled = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ConfigError(f"pattern {pattern!r} is no regular expression: {error}") from None
        if not self._compiled.groupindex:
            raise ConfigError(f"pattern {pattern!r} has no named group: add (?P<name>...) for each column")
        self.adds = check_new_columns(self._compiled.groupindex, "pattern")
        self.column = check_column(column, "column")
        self.requires = (column,)
        self.pattern = pattern

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the groups as columns."""
        text = text_column(batch, self.column, self.name)
        fields = [pa.field(name, pa.string()) for name in self._compiled.groupindex]
        return map_rows(set_column(batch, self.column, text), self._parse, fields, self.name, self.requires)

    def _parse(self, row: dict[str, Any]) -> Mapping[str, str | None]:
        text = row[self.column]
        match = None if text is None else self._compiled.search(text)
        if match is None:
            found = "null" if text is None else beginning(text)
            raise ParseError(f"expected text that matches {self.pattern!r}; found {found}")
        return match.groupdict()
