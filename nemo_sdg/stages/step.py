"""What every part of a pipeline has: a name, the columns it needs and makes, its settings."""

from __future__ import annotations

import copy
import re
from abc import ABC
from typing import TYPE_CHECKING, Any, Self

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


_NOT_RESULTS = ("workers", "resources", "batch_size")


class Step(ABC):  # noqa: B024 - what is abstract differs between sources, stages and sinks
    """Common part of `Source`, `Stage`, `CompositeStage` and `Sink`.

    A subclass sets the attributes on the class, or on the instance where they depend on its arguments.
    """

    name: str = ""
    """Shown to people, and part of what answers are kept under; unset, it is made from the class name."""
    requires: tuple[str, ...] = ()
    """Columns that must be there."""
    adds: tuple[str, ...] | None = ()
    """Columns that it makes; None: nobody knows before it runs."""
    _changeable: tuple[str, ...] = ("name",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the step after its class unless the class says otherwise."""
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower()
            cls.name = words.removesuffix("_stage")

    def with_(self, **changes: Any) -> Self:
        """Return a copy with another `name`; for a stage also `resources`, `workers`, `batch_size`."""
        for key in changes:
            if key not in self._changeable:
                allowed = ", ".join(self._changeable)
                raise ConfigError(f"with_() of {self.name} has no {key!r}: it takes {allowed}")
        changed = copy.copy(self)
        for key, value in changes.items():
            setattr(changed, key, value)
        return changed

    def settings(self) -> Mapping[str, Any]:
        """Return what determines this step's results, as JSON values.

        By default all public attributes that are JSON values; never a credential.
        """
        own = {
            key: value
            for key, value in vars(self).items()
            if not key.startswith("_") and key not in _NOT_RESULTS and _plain(value)
        }
        return {"step": f"{type(self).__module__}:{type(self).__qualname__}", **own}

    def describe(self) -> str:
        """Return one line for people: what it needs and makes."""
        made = "?" if self.adds is None else ", ".join(self.adds)
        needs = ", ".join(self.requires)
        return f"{self.name}({needs}) -> {made}" if made else f"{self.name}({needs})"

    def __repr__(self) -> str:
        """Show the class and the name; settings may be long."""
        return f"<{type(self).__name__} {self.name}>"


def _plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    return value is None or isinstance(value, (str, int, float, bool))
