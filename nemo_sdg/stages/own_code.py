"""Where in a user's own code an exception came from."""

from __future__ import annotations

import linecache
import site
import sysconfig
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_sdg.errors import NemoSDGError
from nemo_sdg.redact import without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGE = str(Path(__file__).parents[1])
_LONGEST = 160  # characters of a line of source


def place_of(error: BaseException) -> str:
    """Return file, line and source of the innermost call in the user's own code; "" where there is none.

    Installed packages, the standard library and nemo_sdg itself are not that.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return _place(error.filename, error.lineno, "", error.text or "")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_own(frame.filename):
            return _place(frame.filename, frame.lineno, frame.name, frame.line or "")
    return ""


def told(error: BaseException) -> str:
    """Return what to tell of `error`: the place in the user's code first; ours speak for themselves."""
    if isinstance(error, NemoSDGError):
        return str(error)
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    text = " ".join(f"{type(error).__name__}: {what}".split()).removesuffix(":")
    place = place_of(error)
    return f"{place}: {text}" if place else text


def defined_at(function: Callable[..., object]) -> str:
    """Return " (file, line n)" of a user's function or method; "" for others."""
    code = getattr(function, "__code__", None)
    if code is None or not is_own(code.co_filename):
        return ""
    return f" ({code.co_filename}, line {code.co_firstlineno})"


@cache
def is_own(file: str) -> bool:
    """Say whether `file` is the user's own."""
    return (
        not file.startswith("<frozen ")
        and not file.endswith((".pyx", ".pxi"))
        and not any(Path(file).is_relative_to(place) for place in (_PACKAGE, *_installed()))
    )


@cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {paths[name] for name in names} | {*site.getsitepackages(), site.getusersitepackages()}
    return (*sorted(found), str(Path(linecache.__file__).parent))


def _place(file: str, line: int | None, function: str, source: str) -> str:
    within = f", in {function}" if function and function != "<module>" else ""
    code = without_credentials(" ".join(source.split()))[:_LONGEST]
    return f"{file}, line {line}{within}" + (f": {code}" if code else "")
