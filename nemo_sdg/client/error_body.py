"""What the body of an unsuccessful answer says, in the forms that servers have for it. No I/O."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from nemo_sdg.client.shown import shown

_SHOWN = 300  # characters of the server's message to show


class ErrorBody(NamedTuple):
    """The body of an unsuccessful answer."""

    text: str
    """The server's message, whole."""
    names: set[str]
    """The error's type and code."""
    error: dict[str, Any]
    """The error as the server gave it; empty when that was no JSON object."""

    @property
    def message(self) -> str:
        """The part of the text to show."""
        return shown(self.text, _SHOWN)

    @property
    def is_openai(self) -> bool:
        """Whether it has the form of an OpenAI-compatible server's."""
        return bool(self.text) and bool(self.names or "code" in self.error)

    @property
    def details(self) -> list[dict[str, Any]]:
        """The objects among an error's details, as Google has them."""
        details = self.error.get("details")
        return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def read_error(body: bytes) -> ErrorBody:
    """Return what `body` says, whatever it holds."""
    try:
        decoded: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = re.sub(r"<[^>]*>|\s+", " ", body[:2000].decode("utf-8", "replace")).strip()
        return ErrorBody(text, set(), {})
    return error_of(decoded)


def error_of(decoded: Any) -> ErrorBody:
    """Return what a decoded body says."""
    if isinstance(decoded, list) and len(decoded) == 1 and isinstance(decoded[0], dict):  # so Google's
        decoded = decoded[0]
    error = decoded.get("error") or decoded if isinstance(decoded, dict) else decoded
    if not isinstance(error, dict):
        return ErrorBody(str(error), set(), {})
    message = error.get("message") or error.get("detail") or ""
    names = {value for key in ("type", "code") if isinstance(value := error.get(key), str)}
    return ErrorBody(str(message), names, error)
