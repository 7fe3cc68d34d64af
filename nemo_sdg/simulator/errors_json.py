"""Errors in the shape that OpenAI-compatible endpoints send."""

from __future__ import annotations

import msgspec


class _Detail(msgspec.Struct):
    message: str
    type: str
    param: str | None
    code: str | int | None


class _Body(msgspec.Struct):
    error: _Detail


def error_body(message: str, kind: str, code: str | int | None, param: str | None = None) -> bytes:
    """Return `{"error": {"message", "type", "param", "code"}}`."""
    return msgspec.json.encode(_Body(_Detail(message, kind, param, code)))
