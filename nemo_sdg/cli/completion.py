"""What a shell offers to complete an option with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ENGINES = ("ray", "local")
FORMATS = ("parquet", "jsonl")
RETRIES = ("rejected", "truncated")


def choices(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what completes the beginning of one of `names`."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def settings(incomplete: str) -> list[str]:
    """Return the keys that a config may have and that begin so, each with "=" after it."""
    return [setting for setting in _settings() if setting.startswith(incomplete)]


def _settings() -> Iterator[str]:
    from nemo_sdg.pipelines import NAMES, pipeline_module  # noqa: PLC0415 - only a shell that completes

    known = {"pipeline": NAMES, "engine": ENGINES, "format": FORMATS}
    found: dict[str, None] = {}
    for name in NAMES:
        for key, field in pipeline_module(name).Config.model_fields.items():
            below = getattr(field.annotation, "__annotations__", None)
            values = [f"{key}={value}" for value in known.get(key, ())]
            keys = [f"{key}.{name}=" for name in below if name != "model_config"] if below else [f"{key}="]
            found.update(dict.fromkeys(values or keys))
    yield from found
