"""Where requests go and what identifies the sender, resolved as the OpenAI SDK does. No I/O.

Our own few lines rather than the SDK's client object because importing the SDK takes as long as everything
else of a worker's start together (docs/decisions.md); a test holds both against each other.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urlsplit

from nemo_sdg.errors import ConfigError, MissingKeyError
from nemo_sdg.redact import may_be_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPENAI_BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLES = {"api.openai.com": "OPENAI_API_KEY", "integrate.api.nvidia.com": "NVIDIA_API_KEY"}
"""Hosts that answer nobody without a key, and the variable that their users keep it in."""
_CREDENTIAL_NAME = re.compile(r"auth|cookie|credential|key|passw|secret|sig|token", re.IGNORECASE)
_SHORTEST_KEY = 6  # "none" and "EMPTY" are given to servers that want no key
_CUT_OFF = 12  # characters from which a key is known, however it goes on
_REST = r"""[^\s"'<>,;)\]}]*"""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BREAKS = re.compile(r"[\r\n\0]")


@dataclass(frozen=True)
class Endpoint:
    """One server and one credential; its repr has no credential."""

    base_url: str
    """Without a slash at the end."""
    headers: dict[str, str] = field(repr=False)
    query: dict[str, str] = field(default_factory=dict, repr=False)
    api_key: str | None = field(default=None, repr=False)

    def redact(self, text: str) -> str:
        """Return `text` without the credential, should a server have echoed it."""
        return without(text, self.api_key, *self._further)

    @property
    def identity(self) -> tuple[str, str]:
        """The URL, and a digest of what identifies the sender."""
        sender = repr(sorted(self.headers.items()) + sorted(self.query.items()))
        digest = hashlib.blake2b(sender.encode(), digest_size=12, person=b"nemo_sdg limits")
        return self.base_url, digest.hexdigest()

    @property
    def _further(self) -> Iterator[str]:
        """Credentials that came as headers or as a part of the query."""
        for values in (self.headers, self.query):
            yield from secrets_among(values)


def secrets_among(values: Mapping[str, object]) -> Iterator[str]:
    """Yield what of headers or of a query may be a credential, whatever a server calls it."""
    for name, given in values.items():
        value = str(given)
        if _CREDENTIAL_NAME.search(name) or may_be_key(value):
            yield value
            yield value.rpartition(" ")[2]  # without "Bearer"


def without(text: str, *secrets: str | None) -> str:
    """Return `text` without `secrets`, whole, cut off after some letters, or as URLs and JSON write them.

    Those too short to be any, such as "none", stay.
    """
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_KEY:
            for beginning in {form[:_CUT_OFF] for form in _forms(secret)}:
                text = re.sub(re.escape(beginning) + _REST * (len(secret) > _CUT_OFF), "[api key]", text)
    return text


def _forms(secret: str) -> set[str]:
    quoted = quote(secret, safe="")
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, quoted, quote(secret), quote(quoted), secret.replace("/", "\\/"), encoded}


def check_url(url: str, name: str = "base_url") -> SplitResult:
    """Return the parts of `url`; raises `ConfigError` for one that cannot be an endpoint's."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        parts = urlsplit("")
    if parts.username or parts.password:
        raise ConfigError(
            f"{name} for {parts.hostname} holds a user name or password: give the key in api_key_env"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        hidden = "@" in url or may_be_key(url)
        shown = "no URL, and not shown for it may hold a credential" if hidden else repr(url)
        raise ConfigError(f"{name} is {shown}: give a URL such as http://localhost:8000/v1")
    if parts.query or parts.fragment:
        raise ConfigError(
            f"{name} for {parts.hostname} has something after its path: give ?name=value as default_query"
        )
    return parts


def resolve_endpoint(
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    api_key_env: str | None = None,
    organization: str | None = None,
    project: str | None = None,
    default_headers: Mapping[str, str] | None = None,
    default_query: Mapping[str, str] | None = None,
    from_environment: bool = True,
) -> Endpoint:
    """Return the endpoint, taking what is not given from `OPENAI_*` variables of the environment.

    The key is `api_key`, else the variable named by `api_key_env`, else the variable that belongs to the
    host (`KEY_VARIABLES`), for any other host `OPENAI_API_KEY`. Servers of one's own need none.
    With `from_environment` False no variable is read but the one named by `api_key_env`.
    Raises `ConfigError` for a URL that is none, `MissingKeyError` when a key is needed and not there.
    """
    variables = os.environ if from_environment else {}
    url = (base_url or variables.get("OPENAI_BASE_URL") or OPENAI_BASE_URL).strip()
    parts = check_url(url, "base_url" if base_url else "OPENAI_BASE_URL")
    named = api_key or api_key_env
    key = find_key(parts.hostname or "", api_key, api_key_env) if from_environment or named else None
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "nemo-sdg"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    organization = organization or variables.get("OPENAI_ORG_ID")
    project = project or variables.get("OPENAI_PROJECT_ID")
    if organization:
        headers["OpenAI-Organization"] = organization
    if project:
        headers["OpenAI-Project"] = project
    added = {**_custom_headers(variables), **(default_headers or {})}
    for name, value in added.items():
        if not isinstance(value, str) or _BREAKS.search(name + value):
            shown = "a name" if may_be_key(name.rpartition(" ")[2]) else repr(name)
            raise ConfigError(f"default_headers has {shown}: give it as one line of text")
        for same in [held for held in headers if held.lower() == name.lower()]:
            del headers[same]
        headers[name] = value
    return Endpoint(url.rstrip("/"), headers, dict(default_query or {}), key)


def _custom_headers(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the headers in OPENAI_CUSTOM_HEADERS: lines of `name: value`."""
    lines = (line.partition(":") for line in variables.get("OPENAI_CUSTOM_HEADERS", "").split("\n"))
    return {name.strip(): value.strip() for name, colon, value in lines if colon and name.strip()}


def find_key(host: str, api_key: str | None, api_key_env: str | None) -> str | None:
    """Return the key to send to `host`, None where none is known; see `resolve_endpoint`."""
    if api_key:
        return _checked(api_key, "api_key")
    if api_key_env:
        value = os.environ.get(api_key_env, "").strip()
        if not value and (may_be_key(api_key_env) or not _VARIABLE.fullmatch(api_key_env)):
            raise ConfigError(
                "api_key_env is not shown, for it may be the key itself: give the name of the environment "
                "variable that holds the key, such as NVIDIA_API_KEY"
            )
        if not value:
            raise MissingKeyError(
                f"the environment variable {api_key_env} is not set: "
                f"run 'export {api_key_env}=<your key>', or name another one in api_key_env",
                attempts=0,
            )
        return _checked(value, api_key_env)
    own = KEY_VARIABLES.get(host, "OPENAI_API_KEY")
    value = os.environ.get(own, "").strip()
    if value:
        return _checked(value, own)
    if host in KEY_VARIABLES:
        raise MissingKeyError(
            f"{host} needs an API key: run 'export {own}=<your key>', "
            "or name the variable that holds it in api_key_env",
            attempts=0,
        )
    return None


def _checked(key: str, name: str) -> str:
    key = key.strip()
    if not key or not (key.isascii() and key.isprintable() and " " not in key):
        raise ConfigError(f"the API key in {name} holds characters that no key has: copy it again")
    return key
