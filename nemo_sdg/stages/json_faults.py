"""Why a line is no row, in words that say what to do."""

from __future__ import annotations

import json
import re
from typing import Any

from nemo_sdg.errors import RowError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class _Twice(Exception):  # noqa: N818 - it is caught below, and no error by itself
    pass


def fault_of(line: bytes, error: Exception) -> str:
    """Return why `line` could not be decoded; `error` is what the decoder said."""
    if not line.strip(b"\0\r\n"):
        return "nothing but NUL bytes, as a crash leaves them: take them out"
    try:
        line.decode()
    except UnicodeDecodeError as wrong:
        return f"byte {wrong.start + 1} of the line is not UTF-8: save the file as UTF-8"
    if isinstance(error, RecursionError):
        return "its lists and objects are nested too deeply"
    if b"\r" in line.strip():
        return "it has a carriage return inside: end each line with a line feed"
    constants: list[str] = []
    try:
        json.loads(line, parse_constant=constants.append)
    except (ValueError, RecursionError):
        return f"this is no JSON: {error}"
    # Python takes more for JSON than JSON is.
    if constants:  # NaN and the infinities
        return f"{constants[0]} is not JSON: write null or a number"
    if _SURROGATE.search(line):
        return "it has half of a surrogate pair, which is no character: clean the text"
    return f"this cannot be read: {error}"


def check_keys(line: bytes, values: dict[str, Any]) -> None:
    """Raise `RowError` when an object in `line`, decoded to `values`, has a key twice: one value is lost."""
    # Each key has a colon after it: most lines have no more of them, and need not be read again.
    if line.count(b":") <= len(values):
        return
    try:
        json.loads(line, object_pairs_hook=_once)
    except _Twice as twice:
        raise RowError(f"the key {twice} is there twice: leave it once") from None
    except (ValueError, RecursionError):
        pass  # what one decoder has taken is a row, whatever the other says


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(repr(next(name for name in names if names.count(name) > 1))[:80])
    return found
