"""From the choices of answers to columns: a row for each choice, or one row with lists of them."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import pyarrow as pa

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.rows import reject, set_column, with_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Choices = Literal["rows", "list"]

_OF_A_CHOICE = ("text", "finish_reason", "reasoning")
_COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")
_ERROR = "choice_error"


class Unusable(NamedTuple):
    """A choice that cannot be used, but with what is known of it."""

    reason: Exception
    values: dict[str, Any]
    kept: list[str] | None = None
    """Keys of the answer, and of its corrections."""


class ChoiceColumns(NamedTuple):
    """The columns that a stage makes of choices."""

    own: Sequence[pa.Field]
    """Of what the server says, without prefix."""
    read: Sequence[pa.Field]
    """Of what is read in the texts, under their whole names."""
    prefix: str
    choices: Choices
    several: bool
    """Whether more than one choice is asked for."""

    @property
    def names(self) -> list[str]:
        """The names of all columns but those that are read."""
        own = [field.name for field in self.own]
        if self.choices == "list":
            own.append(_ERROR)
        elif self.several:
            own.append("choice")
        return [self.prefix + name for name in own]

    def table(self, batch: pa.Table, outcomes: Sequence[Any], stage: str) -> pa.Table:
        """Return the rows that `batch` becomes by each row's choices, or the exception in place of them."""
        taken: list[int] = []
        values: list[Mapping[str, Any]] = []
        errors: dict[int, Exception] = {}
        kept: dict[int, list[str]] = {}
        for position, outcome in enumerate(outcomes):
            for choice in [Unusable(outcome, {})] if isinstance(outcome, Exception) else outcome:
                if isinstance(choice, Unusable):
                    errors[len(taken)] = choice.reason
                    kept[len(taken)] = choice.kept or []
                taken.append(position)
                values.append(choice.values if isinstance(choice, Unusable) else choice)
        if self.choices == "list":
            flat = self._filled(pa.table({"": pa.array(taken, pa.int64())}), values, errors)
            return reject(*self._grouped(batch, flat, outcomes, errors), stage, _together(kept, outcomes))
        rows = batch if len(taken) == batch.num_rows else batch.take(taken)
        return reject(self._filled(rows, values, errors), errors, stage, kept)

    def _filled(
        self, rows: pa.Table, values: Sequence[Mapping[str, Any]], errors: dict[int, Exception]
    ) -> pa.Table:
        own = [field.with_name(self.prefix + field.name) for field in self.own]
        if self.several and self.choices == "rows":
            own.append(pa.field(f"{self.prefix}choice", pa.int32()))
        fields = (*own, *self.read)
        columns = {field.name: [value.get(field.name) for value in values] for field in fields}
        return with_columns(rows, fields, columns, errors)

    def _grouped(
        self, batch: pa.Table, flat: pa.Table, outcomes: Sequence[Any], errors: Mapping[int, Exception]
    ) -> tuple[pa.Table, dict[int, Exception]]:
        """Return `batch` with lists of what `flat` has for each of its rows, and why some have nothing."""
        failed = pa.array([isinstance(outcome, Exception) for outcome in outcomes], pa.bool_())
        ends = _ends(outcomes)
        groups = list(pairwise(ends))

        def lists(values: pa.Array) -> pa.Array:
            return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=failed)

        for field in self.own:
            name = self.prefix + field.name
            column = flat.column(name).combine_chunks()
            if field.name in _OF_A_CHOICE:
                batch = set_column(batch, name, lists(column))
                continue
            held = column.to_pylist()
            if field.name in _COUNTS:
                values = [_sum(held[start:end]) for start, end in groups]
            else:
                values = [held[start] for start, _ in groups]
            batch = set_column(batch, name, pa.array(values, field.type))
        said = [_in_words(errors.get(position)) for position in range(flat.num_rows)]
        batch = set_column(batch, self.prefix + _ERROR, lists(pa.array(said, pa.string())))
        usable = pa.array([None if place in errors else place for place in range(flat.num_rows)], pa.int64())
        for field in self.read:
            values = flat.column(field.name).combine_chunks().take(usable)
            batch = set_column(batch, field.name, lists(values))
        rejected = {
            position: errors[start]
            for position, (start, end) in enumerate(groups)
            if all(place in errors for place in range(start, end))
        }
        return batch, rejected


def check_choices(choices: object) -> Choices:
    """Return `choices` when it is a way to make columns of them; else raise `ConfigError`."""
    if choices == "rows" or choices == "list":  # noqa: PLR1714 - what the type checker understands
        return choices
    allowed = ", ".join(get_args(Choices))
    raise ConfigError(f"choices is {choices!r}: give one of {allowed}")


def _ends(outcomes: Sequence[Any]) -> list[int]:
    """Return where the choices of each row end, in front of them 0."""
    numbers = (1 if isinstance(outcome, Exception) else len(outcome) for outcome in outcomes)
    return list(accumulate(numbers, initial=0))


def _together(kept: Mapping[int, list[str]], outcomes: Sequence[Any]) -> dict[int, list[str]]:
    """Return the keys of each row's choices, as far as they are known; none where there was no answer."""
    keys = {
        position: list(dict.fromkeys(key for place in range(start, end) for key in kept.get(place, ())))
        for position, (start, end) in enumerate(pairwise(_ends(outcomes)))
    }
    return {
        position: known
        for position, known in keys.items()
        if known or isinstance(outcomes[position], Exception)
    }


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _in_words(error: Exception | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"
