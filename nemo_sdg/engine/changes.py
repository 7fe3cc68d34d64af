"""What differs between the settings of two runs, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def changed_settings(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return in words what differs between the settings of two runs."""
    if [step.get("step") for step in before] != [step.get("step") for step in now]:
        return [f"the steps: {_names(before)} then, {_names(now)} now"]
    return [
        f"{new['step'].rpartition(':')[2]}.{change}"
        for old, new in zip(before, now, strict=True)
        for change in _changes(old, new)
    ]


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
    return " > ".join(str(step.get("step", "?")).rpartition(":")[2] for step in settings)
