"""Keeping rows by their scores."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, number_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


class ScoreFilter(Stage):
    """Keeps the rows whose scores reach all thresholds, such as `at_least={"helpfulness": 3.0}`.

    `at_least` and `at_most` name attributes, with the lowest and the highest score to keep; `prefix` stands
    before the names of their columns, as in `RewardStage`. A row without one of the scores (null or NaN) is
    dropped, unless `keep_null` says that what was not scored passes. Needs those columns. Raises
    `ConfigError` for thresholds that cannot be used, or none, and for a column that holds no numbers.
    """

    def __init__(
        self,
        *,
        at_least: Mapping[str, float] | None = None,
        at_most: Mapping[str, float] | None = None,
        prefix: str = "",
        keep_null: bool = False,
    ) -> None:
        self.at_least = _checked(at_least, "at_least")
        self.at_most = _checked(at_most, "at_most")
        if not self.at_least and not self.at_most:
            raise ConfigError('no threshold given: give at_least or at_most, as in {"helpfulness": 3.0}')
        for name, least in self.at_least.items():
            if least > self.at_most.get(name, math.inf):
                raise ConfigError(f"{name} is to be at least {least} and at most {self.at_most[name]}")
        if not isinstance(prefix, str):
            raise ConfigError(f"prefix is {prefix!r}: give a text")
        if not isinstance(keep_null, bool):
            raise ConfigError(f"keep_null is {keep_null!r}: give true or false")
        self.prefix = prefix
        self.keep_null = keep_null
        self.requires = tuple(dict.fromkeys(prefix + name for name in (*self.at_least, *self.at_most)))

    def process(self, batch: pa.Table) -> pa.Table:
        """Return the rows to keep."""
        for thresholds, compared in ((self.at_least, pc.greater_equal), (self.at_most, pc.less_equal)):
            for name, threshold in thresholds.items():
                scores = number_column(batch, self.prefix + name, self.name)
                passed = pc.fill_null(compared(scores, threshold), fill_value=False)
                if self.keep_null:
                    passed = pc.or_(passed, pc.is_null(scores, nan_is_null=True))
                batch = batch.filter(passed)
        return batch


def _checked(thresholds: object, argument: str) -> dict[str, float]:
    if thresholds is None:
        return {}
    if not isinstance(thresholds, dict):
        raise ConfigError(f'{argument} is {thresholds!r:.80}: give attributes as in {{"helpfulness": 3.0}}')
    for name, threshold in thresholds.items():
        check_column(name, f"a name in {argument}")
        number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
        if not number or math.isnan(threshold):
            raise ConfigError(f"{argument} of {name} is {threshold!r}: give a number")
    return dict(thresholds)
