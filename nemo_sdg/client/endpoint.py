"""Where requests go and what identifies the sender, resolved as the OpenAI SDK does. No I/O.

Our own few lines rather than the SDK's client object because importing the SDK takes as long as everything
else of a worker's start together (docs/decisions.md); a test holds both against each other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nemo_sdg.errors import AuthenticationError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENAI_BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLES = {"api.openai.com": "OPENAI_API_KEY", "integrate.api.nvidia.com": "NVIDIA_API_KEY"}
"""Hosts that answer nobody without a key, and the variable that their users keep it in."""


@dataclass(frozen=True)
class Endpoint:
    """One server and one credential; its repr has no credential."""

    base_url: str
    """Without a slash at the end."""
    headers: dict[str, str] = field(repr=False)
    query: dict[str, str] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)

    def redact(self, text: str) -> str:
        """Return `text` without the credential, should a server have echoed it."""
        return text.replace(self.api_key, "[api key]") if self.api_key else text


def resolve_endpoint(
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    api_key_env: str | None = None,
    organization: str | None = None,
    project: str | None = None,
    default_headers: Mapping[str, str] | None = None,
    default_query: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return the endpoint, taking what is not given from `OPENAI_*` variables of the environment.

    The key is `api_key`, else the variable named by `api_key_env`, else the variable that belongs to the
    host (`KEY_VARIABLES`), else `OPENAI_API_KEY`. Servers of one's own need none.
    Raises `ConfigError` for a URL that is none, `AuthenticationError` when a key is needed and not there.
    """
    url = (base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_BASE_URL).rstrip("/")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"base_url is {base_url!r}: give a URL such as http://localhost:8000/v1")
    if parts.username or parts.password:
        raise ConfigError(
            f"base_url for {parts.hostname} holds a user name or password: give the key in api_key_env"
        )
    key = _key(parts.hostname, api_key, api_key_env)
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "nemo-sdg"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    organization = organization or os.environ.get("OPENAI_ORG_ID")
    project = project or os.environ.get("OPENAI_PROJECT_ID")
    if organization:
        headers["OpenAI-Organization"] = organization
    if project:
        headers["OpenAI-Project"] = project
    headers.update(default_headers or {})
    return Endpoint(url, headers, dict(default_query or {}), key)


def _key(host: str, api_key: str | None, api_key_env: str | None) -> str | None:
    if api_key:
        return _checked(api_key, "api_key")
    if api_key_env:
        value = os.environ.get(api_key_env, "").strip()
        if not value:
            raise AuthenticationError(
                f"the environment variable {api_key_env} is not set: "
                f"run 'export {api_key_env}=<your key>', or name another one in api_key_env",
                attempts=0,
            )
        return _checked(value, api_key_env)
    variable = KEY_VARIABLES.get(host, "OPENAI_API_KEY")
    value = os.environ.get(variable, "").strip()
    if not value and host in KEY_VARIABLES:
        raise AuthenticationError(
            f"{host} needs an API key: run 'export {variable}=<your key>', "
            "or name the variable that holds it in api_key_env",
            attempts=0,
        )
    return _checked(value, variable) if value else None


def _checked(key: str, name: str) -> str:
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"the API key in {name} holds characters that no key has: copy it again")
    return key
