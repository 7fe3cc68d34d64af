"""JSON that is none by the letter, in an answer that was paid for all the same. No I/O.

Models are cut off amid a pair of surrogates, and servers write what Python's `json` writes: NaN among log
probabilities, and control characters as they are. To ask again would cost the same and end the same.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_HALF_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def decode_leniently(body: bytes) -> Any:
    """Return what `body` says; raises `ValueError` or `RecursionError` when it is cut off or something else.

    Text may have unpaired surrogates in it; see `paired`.
    """
    return json.loads(body.decode(), strict=False)


def has_surrogates(body: bytes) -> bool:
    """Return whether a text in `body` may have a surrogate, paired or not."""
    return _HALF_ESCAPED.search(body) is not None


def paired(value: Any) -> Any:
    """Return `value` with surrogates that follow one another made a character, and others U+FFFD."""
    if isinstance(value, str):
        if _HALF.search(value) is None:
            return value
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [paired(one) for one in value]
    if isinstance(value, dict):
        return {paired(name): paired(one) for name, one in value.items()}
    return value


def as_float(value: Any) -> float | None:
    """Return a finite number, which may be written as text; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
