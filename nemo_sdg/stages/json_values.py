"""What a decoded JSON value is as a value of a column, where models are not exact about types."""

from __future__ import annotations

import json
from typing import Any

import msgspec

INT64 = range(-(2**63), 2**63)
"""The whole numbers that a column holds."""
_BOOLS = {"true": True, "yes": True, "false": False, "no": False}
_LONGEST_NUMBER = 400  # characters; longer ones are no number that a column holds


def as_string(value: Any) -> str | None:
    """Return a text or a number as text; None: it is neither."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    return encodable(str(value))


def as_int(value: Any) -> int | None:
    """Return a whole number, which may be written as text or with a fraction of 0; None: it is none."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        try:
            value = int(value)
        except ValueError:
            return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value in INT64 else None


def as_bool(value: Any) -> bool | None:
    """Return true or false, which may be written as text, also yes or no; None: it is neither."""
    if isinstance(value, str):
        return _BOOLS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def as_json(value: Any) -> str:
    """Return `value` as JSON."""
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (UnicodeEncodeError, OverflowError):  # half of a surrogate pair; more than 64 bits
        return encodable(json.dumps(value, default=str, ensure_ascii=False))
    except RecursionError:
        return encodable(str(value))


def encodable(text: str) -> str:
    """Return `text` as UTF-8 can hold it: JSON can escape half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
