"""Taking stages to workers: code of the user's own files, and the environment variables that stages read."""

from __future__ import annotations

import copy
import os
import site
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nemo_sdg.client.spans import variables as span_variables
from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from nemo_sdg.stages.step import Step

T = TypeVar("T")
_PACKAGE = Path(__file__).parents[1]


def pickled(value: Any) -> bytes:
    """Return `value` as bytes; classes and functions from the user's own files go along by value.

    So a stage in `my_stages.py` needs to be installed nowhere. Raises `ConfigError` for what cannot travel.
    """
    from ray import cloudpickle  # noqa: PLC0415 - Ray's own, so that workers can read it

    own = list(own_modules())
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(value))
    except ConfigError:
        raise
    except Exception as error:
        raise _cannot_travel(error) from error
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)


def copied(value: T) -> T:
    """Return a copy of `value`, as if it had travelled; raises `ConfigError` like `pickled`."""
    try:
        return copy.deepcopy(value)
    except ConfigError:
        raise
    except Exception as error:
        raise _cannot_travel(error) from error


def _cannot_travel(error: Exception) -> ConfigError:
    return ConfigError(
        f"a stage cannot travel to workers ({type(error).__name__}: {error}): "
        "open files, models and connections in its setup(), which runs on the worker"
    )


def unpickled(data: bytes) -> Any:
    """Return what `pickled` was given."""
    from ray import cloudpickle  # noqa: PLC0415 - see above

    return cloudpickle.loads(data)


def own_modules() -> Iterator[ModuleType]:
    """Yield the imported modules that are neither installed packages, the standard library nor ours."""
    installed = [Path(path).resolve() for path in _installed_places()]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "__main__" or not file or module.__name__ != name:
            continue
        path = Path(file).resolve()
        if path.is_relative_to(_PACKAGE) or any(path.is_relative_to(place) for place in installed):
            continue
        yield module


def environment_of(steps: Iterable[Step | None]) -> dict[str, str]:
    """Return the variables that `steps` read on a worker, and those of telemetry, as they are set here.

    They reach workers only inside actor arguments: a cluster's other nodes may not have them set.
    """
    names = {name for step in steps for name in getattr(step, "environment", ())}
    own = {name: os.environ[name] for name in sorted(names) if name in os.environ}
    return {**span_variables(), **own}


def _installed_places() -> Iterator[str]:
    paths = sysconfig.get_paths()
    yield from {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    yield from site.getsitepackages()
    yield site.getusersitepackages()
