"""What of a server's words goes into our messages."""

from __future__ import annotations

LOOK = "look into the server's log, or raise max_retries"
"""What is to be done about a server that fails in a way that it does not explain."""
_MOST = 200


def shown(words: object, most: int = _MOST) -> str:
    """Return `words` on one line, cut off after `most` characters; of an exception without any, its name."""
    text = str(words) or (type(words).__name__ if isinstance(words, BaseException) else "")
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most and len(text) <= 4 * most else line[:most] + "..."
