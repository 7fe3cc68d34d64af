"""What differs between the settings of two runs, and whose answers that makes useless."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


_COLUMNS = ("choices", "reasoning")
"""What of a stage that asks says only which columns it makes of the same answers."""

Settings = Sequence[Mapping[str, Any]]
"""Of each step of a pipeline, the source first."""


class Changes(NamedTuple):
    """The difference of two runs."""

    first: int
    """Number of the first step that differs; what comes before is the same in both."""
    words: list[str]
    """Each change; empty: there is none."""


def changes_between(before: Settings, now: Settings) -> Changes:
    """Return what differs between the settings of two runs."""
    pairs = list(zip(before, now, strict=False))
    same = next((number for number, (old, new) in enumerate(pairs) if old != new), len(pairs))
    words = []
    if [step.get("step") for step in before] != [step.get("step") for step in now]:
        words = [f"the steps: {_names(before)} then, {_names(now)} now"]
        pairs = list(_in_both(before, now))
    words += [f"{name_of(new)}.{change}" for old, new in pairs for change in _changes(old, new)]
    return Changes(same, words)


def _in_both(before: Settings, now: Settings) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the settings of each step that both have, the first of its kind with the first."""
    left = list(before)
    for new in now:
        old = next((step for step in left if step.get("step") == new.get("step")), None)
        if old is not None:
            left.remove(old)
            yield old, new


def name_of(step: Mapping[str, Any]) -> str:
    """Return what a person calls a step."""
    return str(step.get("step", "?")).rpartition(":")[2]


def without_max_tokens(settings: Settings) -> list[dict[str, Any]]:
    """Return `settings` but for how long answers may be."""
    plain = []
    for step in settings:
        config = step.get("generation_config")
        if isinstance(config, dict):
            step = {**step, "generation_config": {**config, "max_tokens": None}}  # noqa: PLW2901
        plain.append(dict(step))
    return plain


def raised_only(before: Settings, now: Settings) -> bool:
    """Return whether nothing differs but that answers may be longer now; the steps are the same in both."""
    if without_max_tokens(before) != without_max_tokens(now):
        return False
    pairs = zip(map(_max_tokens, before), map(_max_tokens, now), strict=True)
    return all(new is None or (old is not None and old <= new) for old, new in pairs)


def other_columns_only(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether settings of a step that asks differ only in the columns that it makes of answers."""
    plain = [{key: value for key, value in step.items() if key not in _COLUMNS} for step in (before, now)]
    return plain[0] == plain[1]


def _max_tokens(step: Mapping[str, Any]) -> int | None:
    config = step.get("generation_config")
    return config.get("max_tokens") if isinstance(config, dict) else None


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*old, *new}):
        before, now = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(now, dict):
            yield from (f"{key}.{change}" for change in _changes(before, now))
        elif before != now:
            # Long prompts mostly begin alike: show them from a little before where they differ.
            before, now = repr(before), repr(now)
            start = max(0, _first_difference(before, now) - 20)
            yield f"{key}: {_shown(before, start)} then, {_shown(now, start)} now"


def _first_difference(one: str, other: str) -> int:
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)


def _shown(text: str, start: int) -> str:
    return ("..." if start else "") + text[start : start + 60] + ("..." if len(text) > start + 60 else "")


def _names(settings: Sequence[Mapping[str, Any]]) -> str:
    return " > ".join(map(name_of, settings))
