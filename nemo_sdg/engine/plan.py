"""A pipeline taken apart, and how it is to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from nemo_sdg.engine.caps import Caps
from nemo_sdg.errors import ConfigError
from nemo_sdg.redact import redacted
from nemo_sdg.stages.base import PaidStage

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import Origin
    from nemo_sdg.stages.base import Sink, Source, Stage

SIMULATED = "simulated"
"""What the simulated endpoint calls its model."""
_CHOICES = {"engine": ("ray", "local"), "retry": (None, "rejected", "truncated")}


@dataclass(frozen=True)
class Plan:
    """What `run_job` runs."""

    name: str
    source: Source
    stages: tuple[Stage, ...]
    sink: Sink
    engine: Literal["ray", "local"] = "ray"
    workers: int | Literal["auto"] = 2
    """Ray actors that ask; "auto": as many as the limits can feed, up to one for each CPU of the cluster."""
    address: str | None = None
    """Of a Ray cluster; None: RAY_ADDRESS, else a Ray of its own on this machine."""
    shard_rows: int | None = None
    """Rows of a shard; None: as suits the number of rows. Only the first run into a folder decides it."""
    caps: Caps = Caps()  # noqa: RUF009 - frozen
    stop_within: float = 25.0
    """Seconds from a first Ctrl-C or SIGTERM until what is still in flight is given up."""
    fresh: bool = False
    """Throw away what the folder holds, and start over."""
    retry: str | None = None
    """Rows to ask again: "rejected" ones, or "truncated", whose answers were cut off at `max_tokens`."""
    origin: Origin | None = None
    """What was typed, for the report."""

    def __post_init__(self) -> None:
        """Check every value."""
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                allowed = " or ".join(repr(choice) for choice in choices if choice)
                raise ConfigError(f"{key} is {getattr(self, key)!r}: give {allowed}")
        for key, other in (("workers", "auto"), ("shard_rows", None)):
            value = getattr(self, key)
            if value != other and (not isinstance(value, int) or value < 1):
                or_auto = ", or 'auto'" if other else ""
                raise ConfigError(f"{key} is {value!r}: give a whole number of at least 1{or_auto}")
        if not isinstance(self.stop_within, (int, float)) or not self.stop_within >= 0:
            raise ConfigError(f"stop_within is {self.stop_within!r}: give a number of seconds, at least 0")
        if self.fresh and self.retry:
            raise ConfigError(f"fresh and retry {self.retry!r} are both given: leave one out")

    @property
    def paid_stages(self) -> list[PaidStage]:
        """The stages that ask a model."""
        return [stage for stage in self.stages if isinstance(stage, PaidStage)]

    @property
    def models(self) -> set[str]:
        """The models that are asked, as far as stages name them."""
        return {getattr(stage, "model_name", "") for stage in self.paid_stages} - {""}

    def settings(self) -> list[dict[str, Any]]:
        """Return what determines the results, step by step, as a manifest gives it back."""
        steps = [redacted(dict(step.settings())) for step in (self.source, *self.stages)]
        settings: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(steps))
        return settings

    def endpoints(self) -> list[str]:
        """Return the URLs that are asked."""
        clients = (getattr(stage, "client", None) for stage in self.paid_stages)
        return sorted({url for client in clients for url in getattr(client, "endpoints", ())})

    def paid_steps(self) -> list[int]:
        """Return which of the steps in `settings` ask a model."""
        return [number for number, stage in enumerate(self.stages, 1) if isinstance(stage, PaidStage)]
