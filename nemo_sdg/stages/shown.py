"""How a value is shown in a message."""

from __future__ import annotations

_SHOWN = 80


def beginning(text: str) -> str:
    """Return the first characters of `text`, quoted and on one line."""
    return repr(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")
