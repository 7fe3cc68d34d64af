"""Text and settings without credentials, for everything that is shown or kept."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

HIDDEN = "(not shown)"
_SECRET_KEY = re.compile(
    r"(^|_)(api_?keys?|secret|secret_key|password|passwd|authorization|credentials?|cookie)$"
    r"|(^|_)(access|api|auth|bearer|hf|refresh|session)_token$|^token$",
)
_IN_TEXT = (
    (re.compile(r"(?<=://)[^\s/?#]*@"), ""),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(?i)([?&](?:api[-_]?key|key|code|token|access_token|sig|signature|password)=)[^&\s]+"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:sk|gsk|nvapi|hf)[-_][\w-]{16,}"), HIDDEN),
    (  # in code, such as a line of a stage of the user's own
        re.compile(r"(?i)((?:api[-_]?key|secret|passw(?:or)?d|_token)['\"]?\s*[=:]\s*(['\"]))[^'\"]+(?=\2)"),
        rf"\1{HIDDEN}",
    ),
)
_BETWEEN = re.compile(r"[\s:'\"`,;{}()<>\[\]]+")
_KEY_LIKE = re.compile(r"(?=[^a-z]*[a-z])(?=\D*\d)[\w+/=~-]{20,}|eyJ[\w.=-]{20,}")


def may_be_key(text: str) -> bool:
    """Return whether `text` may hold a credential that was given where something else belongs."""
    return any(map(_KEY_LIKE.fullmatch, _BETWEEN.split(text))) or without_credentials(text) != text


def shown_url(url: str) -> str:
    """Return `url` without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is not a URL, such as a password with a slash in it
    except ValueError:
        scheme, colon, rest = url.rpartition("@")[2].rpartition("://")
        return f"{scheme}{colon}{rest}".partition("?")[0].partition("#")[0]
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" if place else without_credentials(url)


def without_credentials(text: str) -> str:
    """Return `text` without what looks like a credential, in URLs, queries, headers and code."""
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def redacted(value: Any) -> Any:
    """Return a copy of a JSON value without credentials, whether named by their key or seen in a text.

    A key that ends in `_env` holds the name of an environment variable, which is no secret.
    """
    if isinstance(value, str):
        return without_credentials(value)
    if isinstance(value, (list, tuple)):
        return [redacted(item) for item in value]
    if isinstance(value, dict):
        return {
            key: HIDDEN if _holds_text(item) and _names_secret(str(key)) else redacted(item)
            for key, item in value.items()
        }
    return value


def _holds_text(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return any(map(_holds_text, item))
    return isinstance(item, str) and item != ""


def _names_secret(key: str) -> bool:
    return _SECRET_KEY.search(key.lower().replace("-", "_")) is not None
