"""Stages out of plain functions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_column, check_new_columns
from nemo_sdg.stages.frames import from_frame, is_frame
from nemo_sdg.stages.own_code import defined_at
from nemo_sdg.stages.rows import REJECTION, ROW_ID, STATUS, set_column
from nemo_sdg.stages.step import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FRAME_ANNOTATIONS = ("pd.DataFrame", "pandas.DataFrame", "DataFrame")


class FunctionStage(Stage):
    """Runs `function` on each batch: a `pyarrow.Table`, or a pandas DataFrame where its parameter says so.

    It returns a table, a frame, or a mapping of columns to add to the batch. Where it leaves out `row_id` or
    `status` but keeps the number of rows, they are put back. `requires` and `adds` are the columns that it
    needs and makes; `adds` None: nobody knows before it runs. Raises `ConfigError` for a function that cannot
    be used, and when what it returns cannot.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        requires: Sequence[str] = (),
        adds: Sequence[str] | None = None,
    ) -> None:
        if not callable(function):
            raise ConfigError(f"function is {function!r}: give a function of one batch")
        asynchronous = isinstance(self, AsyncFunctionStage)
        if _is_async(function) is not asynchronous:
            other = "FunctionStage" if asynchronous else "AsyncFunctionStage"
            raise ConfigError(f"{function!r} is of the other kind: use {other}, or stage(), which chooses")
        self.name = name or getattr(function, "__name__", type(function).__name__).strip("<>")
        self.requires = _columns(requires, "requires")
        self.adds = None if adds is None else check_new_columns(_columns(adds, "adds"), "adds")
        self._function = function
        self._takes_frame = _takes_frame(function)

    def settings(self) -> Mapping[str, Any]:
        """Return what determines the results: the function's text is part of it."""
        function = self._function
        return {
            **super().settings(),
            "function": getattr(function, "__qualname__", ""),
            "text": digest_of(function),
        }

    def process(self, batch: pa.Table) -> pa.Table:
        """Return what the function makes of `batch`."""
        return self._finished(batch, self._function(self._argument(batch)))

    def _argument(self, batch: pa.Table) -> Any:
        return batch.to_pandas() if self._takes_frame else batch

    def _finished(self, batch: pa.Table, made: Any) -> pa.Table:
        if isinstance(made, Mapping):
            return self._with_columns(batch, made)
        if is_frame(made):
            made = from_frame(made, batch.schema)
        if not isinstance(made, pa.Table):
            where = defined_at(self._function)
            raise ConfigError(
                f"the function of stage {self.name}{where} returned {type(made).__name__}: return "
                "a pyarrow.Table, a pandas.DataFrame or a mapping of columns"
            )
        for column in (ROW_ID, STATUS, REJECTION):
            if column in batch.column_names and column not in made.column_names:
                if made.num_rows == batch.num_rows:
                    made = set_column(made, column, batch.column(column))
                elif column == ROW_ID:
                    raise ConfigError(
                        f"the function of stage {self.name} made {made.num_rows} rows of {batch.num_rows} "
                        f"and left out {ROW_ID!r}: keep that column, which tells rows apart"
                    )
        return made

    def _with_columns(self, batch: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
        check_new_columns(columns, f"what the function of stage {self.name} returned")
        for name, values in columns.items():
            made = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
            if len(made) != batch.num_rows:
                raise ConfigError(
                    f"the function of stage {self.name} returned {len(made)} values in {name!r} for "
                    f"{batch.num_rows} rows: return one for each row, or a table"
                )
            batch = set_column(batch, name, made)
        return batch


class AsyncFunctionStage(FunctionStage):
    """As `FunctionStage`, for an asynchronous function; a worker runs it on as many batches as there are."""

    async def process(self, batch: pa.Table) -> pa.Table:
        """Return what the function makes of `batch`."""
        return self._finished(batch, await self._function(self._argument(batch)))


def stage(
    function: Callable[..., Any],
    *,
    name: str | None = None,
    requires: Sequence[str] = (),
    adds: Sequence[str] | None = None,
) -> FunctionStage:
    """Return the stage that runs `function`, asynchronous or not; also a decorator. See `FunctionStage`."""
    kind = AsyncFunctionStage if _is_async(function) else FunctionStage
    return kind(function, name=name, requires=requires, adds=adds)


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object whose call is asynchronous
    )


def _takes_frame(function: Callable[..., Any]) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin that does not tell
        return False
    if not parameters:
        raise ConfigError(f"function {function!r} takes no argument: it needs one, the batch")
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        return annotation in _FRAME_ANNOTATIONS
    return isinstance(annotation, type) and annotation.__name__ == "DataFrame"


def _columns(names: Sequence[str], argument: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise ConfigError(f"{argument} is {names!r}: give a list of column names")
    return tuple(check_column(name, f"a name in {argument}") for name in names)
