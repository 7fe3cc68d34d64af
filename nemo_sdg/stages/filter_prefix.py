"""Keeping rows by how their text begins."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


class PrefixFilter(Stage):
    """Keeps the rows whose text begins with one of `prefixes`, such as "[EN]"; `keep=False` drops those.

    Needs `column`; null begins with nothing. Raises `ConfigError` for prefixes that cannot be used.
    """

    def __init__(self, prefixes: Sequence[str], *, column: str = "text", keep: bool = True) -> None:
        given = isinstance(prefixes, (list, tuple)) and len(prefixes) > 0
        if not given or not all(isinstance(prefix, str) and prefix for prefix in prefixes):
            raise ConfigError(f'prefixes is {prefixes!r}: give a list of texts, such as ["[EN]"]')
        self.prefixes = list(prefixes)
        self.column = check_column(column, "column")
        self.requires = (column,)
        self.keep = keep

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows to keep."""
        text = text_column(batch, self.column, self.name)
        found = reduce(pc.or_, (pc.starts_with(text, prefix) for prefix in self.prefixes))
        found = pc.fill_null(found, fill_value=False)
        return batch.filter(found if self.keep else pc.invert(found))
