"""From segments back to documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_present, text_column
from nemo_sdg.stages.document_splitter import SEGMENT, SEGMENTS
from nemo_sdg.stages.rows import ROW_ID, set_column

if TYPE_CHECKING:
    from collections.abc import Sequence

Incomplete = Literal["keep", "drop"]

KEPT = "segments_kept"


class DocumentJoiner(Stage):
    """Makes one row of all segments of a document, in the order of their numbers, joined by `separator`.

    Segments belong together when the columns `by` are equal, of which `row_id` is one. Of a document that
    lacks segments, because their requests failed or filters dropped them, what is there is joined ("keep"),
    or nothing is ("drop"): either way the reasons of failures are in `rejected/`, and a run with
    `--retry rejected` makes it whole.

    Needs the texts `columns`, `segment` and `segments`, as `DocumentSplitter` makes them. Leaves out
    `segment`, keeps `segments` and adds `segments_kept`. Numbers in the columns `sums` are added up; of
    other columns the value is that of the first segment. Raises `ConfigError` for arguments of no use.
    """

    joins = True

    def __init__(
        self,
        *,
        columns: Sequence[str] = ("text",),
        separator: str = "\n",
        sums: Sequence[str] = (),
        by: Sequence[str] = (ROW_ID,),
        incomplete: Incomplete = "keep",
    ) -> None:
        self.columns = _names(columns, "columns")
        self.sums = _names(sums, "sums")
        self.by = _names(by, "by")
        if not self.columns:
            raise ConfigError('columns is empty: give at least one column of text, such as ["text"]')
        if ROW_ID not in self.by:
            raise ConfigError(f"by is {self.by!r}: give {ROW_ID!r} among its names")
        if not isinstance(separator, str):
            raise ConfigError(f'separator is {separator!r}: give a text, such as "\\n"')
        if incomplete not in get_args(Incomplete):
            raise ConfigError(f"incomplete is {incomplete!r}: give one of {', '.join(get_args(Incomplete))}")
        self.separator = separator
        self.incomplete: Incomplete = incomplete
        self.requires = (*self.columns, *self.sums, *self.by, SEGMENT, SEGMENTS)
        self.adds = (KEPT,)

    def process(self, batch: pa.Table) -> pa.Table:
        """Return a row for each document, in the order in which they first occur."""
        check_present(batch, self.requires, self.name, self.column_hint)
        groups = self._groups(batch)
        firsts = pa.array([group[0] for group in groups], pa.int64())
        rows = batch.take(firsts).drop_columns([SEGMENT])
        for column in self.columns:
            texts = text_column(batch, column, self.name).to_pylist()
            joined = [self._joined([texts[position] for position in group]) for group in groups]
            rows = set_column(rows, column, pa.array(joined, pa.string()))
        for column in self.sums:
            values = batch.column(column).to_pylist()
            totals = [_total([values[position] for position in group]) for group in groups]
            rows = set_column(rows, column, pa.array(totals, batch.column(column).type))
        return set_column(rows, KEPT, pa.array([len(group) for group in groups], pa.int32()))

    def _groups(self, batch: pa.Table) -> list[list[int]]:
        """Return the positions of the segments of each document, in the order of their numbers."""
        keys = zip(*(batch.column(name).to_pylist() for name in self.by), strict=True)
        groups: dict[tuple[Any, ...], list[int]] = {}
        for position, key in enumerate(keys):
            groups.setdefault(key, []).append(position)
        numbers = batch.column(SEGMENT).to_pylist()
        of = batch.column(SEGMENTS).to_pylist()
        return [
            sorted(group, key=numbers.__getitem__)
            for group in groups.values()
            if self.incomplete == "keep" or len(group) == of[group[0]]
        ]

    def _joined(self, texts: list[str | None]) -> str | None:
        there = [text for text in texts if text is not None]
        return self.separator.join(there) if there else None


def _total(values: list[Any]) -> Any:
    there = [value for value in values if value is not None]
    return sum(there) if there else None


def _names(names: Sequence[str], argument: str) -> list[str]:
    if isinstance(names, str):
        raise ConfigError(f"{argument} is {names!r}: give a list of column names")
    return [check_column(name, f"a name in {argument}") for name in names]
