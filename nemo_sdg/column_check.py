"""Whether every step finds the columns that it needs, before anything runs."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from nemo_sdg.errors import MissingColumnError
from nemo_sdg.stages.select_columns import SelectColumns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.step import Step


def check_columns(steps: Sequence[Step]) -> None:
    """Raise `MissingColumnError` for the first step that needs a column which no step before it makes.

    After a step whose columns nobody knows beforehand, nothing can be said and nothing is checked.
    """
    there: dict[str, str] = {}
    for index, step in enumerate(steps):
        for column in step.requires:
            if column not in there:
                raise MissingColumnError(_complaint(steps, index, column, there))
        if step.adds is None:
            return
        if isinstance(step, SelectColumns):
            there = {column: maker for column, maker in there.items() if column in step.kept}
        there.update(dict.fromkeys(step.adds, step.name))


def _complaint(steps: Sequence[Step], index: int, column: str, there: dict[str, str]) -> str:
    step = steps[index]
    complaint = f"step {index + 1}, {step.name}, needs the column {column!r}, which no step before it makes"
    near = difflib.get_close_matches(column, there, n=1)
    if near:
        return f"{complaint}: did you mean {near[0]!r}, made by {there[near[0]]}?"
    later = [other.name for other in steps[index + 1 :] if other.adds and column in other.adds]
    if later:
        return f"{complaint}: {later[0]} makes it, but comes later; put it before {step.name}"
    available = ", ".join(there) or "none"
    return f"{complaint}: there are {available}; {step.column_hint(column)}"
