"""Keeping rows by a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, number_column

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

_COMPARED: dict[str, Callable[..., pa.ChunkedArray]] = {
    "above": pc.greater,
    "at_least": pc.greater_equal,
    "below": pc.less,
    "at_most": pc.less_equal,
}


class RangeFilter(Stage):
    """Keeps the rows whose number in `column` is above, at least, below or at most what is given.

    Null and NaN are dropped. Needs `column`. Raises `ConfigError` for bounds that cannot be used, or none,
    and for a column that holds no numbers.
    """

    def __init__(
        self,
        column: str,
        *,
        above: float | None = None,
        at_least: float | None = None,
        below: float | None = None,
        at_most: float | None = None,
    ) -> None:
        self.column = check_column(column, "column")
        self.requires = (column,)
        given = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
        self.bounds = {name: bound for name, bound in given.items() if bound is not None}
        if not self.bounds:
            raise ConfigError(f"no bound given: give one of {', '.join(_COMPARED)}")
        for name, bound in self.bounds.items():
            if not isinstance(bound, (int, float)) or isinstance(bound, bool) or bound != bound:  # noqa: PLR0124 - NaN
                raise ConfigError(f"{name} is {bound!r}: give a number")

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows within the bounds."""
        numbers = number_column(batch, self.column, self.name)
        kept = pc.is_valid(numbers)
        for name, bound in self.bounds.items():
            kept = pc.and_(kept, _COMPARED[name](numbers, bound))
        return batch.filter(pc.fill_null(kept, fill_value=False))
