"""An error in an answer whose status says success, as gateways and broken streams have it. No I/O."""

from __future__ import annotations

from typing import Any

from nemo_sdg.client.error_body import error_of
from nemo_sdg.client.refusal import read_refusal
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.errors import RequestError, ServerError

_STATUSES = range(400, 600)
_OF_THE_REQUEST = {"context_length_exceeded", "content_filter"}
"""Codes that say as much as a status of 400."""


def error_in(decoded: dict[str, Any]) -> RequestError | None:
    """Return the error that `decoded` holds in place of an answer, None when it holds none.

    One that names an HTTP status is what such an answer would be; others are the server's failure.
    """
    error = decoded if decoded.get("object") == "error" else decoded.get("error")  # the former so vLLM
    if not error:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, str):
        code = 400 if code in _OF_THE_REQUEST else int(code) if code.isdigit() and len(code) == 3 else None  # noqa: PLR2004
    if type(code) is int and code in _STATUSES:
        # That it answers with success shows that the endpoint knows us.
        return read_refusal(code, {}, error_of(error), proven=True).error
    return ServerError(f"the server answered with an error ({shown(error, 300)}): {LOOK}")
