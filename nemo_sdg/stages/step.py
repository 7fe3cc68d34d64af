"""What every part of a pipeline has: a name, the columns it needs and makes, its settings."""

from __future__ import annotations

import copy
import hashlib
import inspect
import re
from abc import ABC
from typing import TYPE_CHECKING, Any, Self

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


_NOT_RESULTS = ("name", "requires", "adds", "workers", "resources", "batch_size", "environment", "rows_each")


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
        kind = type(self)
        if not kind.__module__.startswith("nemo_sdg."):
            own["code"] = digest_of(kind)  # a user's stage changes between runs; ours has a version
        return {"step": f"{kind.__module__}:{kind.__qualname__}", **own}

    def column_hint(self, column: str) -> str:  # noqa: ARG002 - subclasses say more
        """Return what to do when the needed `column` is not there."""
        return "add a stage that makes it, or rename it in the input"

    def describe(self) -> str:
        """Return one line for people: what it needs and makes."""
        made = "?" if self.adds is None else ", ".join(self.adds)
        needs = ", ".join(self.requires)
        return f"{self.name}({needs}) -> {made}" if made else f"{self.name}({needs})"

    def __repr__(self) -> str:
        """Show the class and the name; settings may be long."""
        return f"<{type(self).__name__} {self.name}>"


def digest_of(code: Any) -> str:
    """Return a short digest of the source text of a class or function."""
    try:
        text = inspect.getsource(code)
    except (OSError, TypeError):  # typed into an interpreter, or built in
        text = repr(getattr(getattr(code, "__code__", None), "co_code", None))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    return value is None or isinstance(value, (str, int, float, bool))
