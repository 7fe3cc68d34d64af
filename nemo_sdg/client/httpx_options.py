"""The options of an `httpx.AsyncClient`, as far as they are of use to a client of ours."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from nemo_sdg.client.endpoint import secrets_among
from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FOR_HTTPX = (
    "cert",
    "cookies",
    "follow_redirects",
    "http1",
    "http2",
    "limits",
    "max_redirects",
    "proxy",
    "trust_env",
    "verify",
)
_INSTEAD = {
    "auth": "give headers={'Authorization': ...}, or api_key",
    "base_url": "give it as the client's base_url",
    "timeout": "give it as the client's timeout",
}


class HTTPXOptions(NamedTuple):
    """What was given, sorted by who can do it."""

    headers: dict[str, str]
    """For any transport."""
    query: dict[str, str]
    """For any transport."""
    further: dict[str, Any]
    """For an httpx client alone."""

    def secrets(self) -> Iterator[str]:
        """Yield what of `further` must not be shown."""
        proxy = self.further.get("proxy") or ""
        passwords = [*(getattr(proxy, "auth", None) or ())[1:]]
        with suppress(ValueError):  # httpx has another opinion of what is a URL
            passwords.append(urlsplit(str(getattr(proxy, "url", proxy))).password)
        for password in filter(None, passwords):
            yield from dict.fromkeys((password, unquote(password)))
        yield from secrets_among(getattr(proxy, "headers", {}))
        yield from map(str, dict(self.further.get("cookies") or {}).values())

    def new_client(self) -> Any:
        """Return an httpx client with these options; raises `ConfigError` when they are of no use to it."""
        import httpx2  # noqa: PLC0415 - takes long to import, as the SDK does that brings it
        import openai  # noqa: PLC0415

        options = {key: value for key, value in self.further.items() if key not in ("verify", "cert")}
        try:
            if isinstance(options.get("limits"), dict):
                options["limits"] = httpx2.Limits(**options["limits"])
            if "verify" in self.further or "cert" in self.further:
                options["verify"] = _tls(self.further.get("verify", True), self.further.get("cert"))
            return openai.DefaultAsyncHttpxClient(**options)
        except httpx2.InvalidURL:
            where = "proxy in httpx_client_kwargs" if "proxy" in options else "a proxy of the environment"
            raise ConfigError(
                f"{where} is no URL, and not shown for it may hold a password: give one such as "
                "http://proxy.example:3128"
            ) from None
        except (TypeError, ValueError, OSError, ImportError, AttributeError) as error:
            raise ConfigError(
                f"httpx_client_kwargs cannot be used ({type(error).__name__}: {error}): they are what "
                "httpx.AsyncClient takes"
            ) from None


def read_httpx_options(given: Mapping[str, Any] | None) -> HTTPXOptions:
    """Return the options; raises `ConfigError` for a name that is none, or that has its place elsewhere."""
    if given is not None and not isinstance(given, dict):
        raise ConfigError(f"httpx_client_kwargs is a {type(given).__name__}: give a dict, or None")
    options = dict(given or {})
    headers, query = (_texts(name, options.pop(name, None)) for name in ("headers", "params"))
    for name in options:
        if name not in _FOR_HTTPX:
            allowed = ", ".join(("headers", "params", *_FOR_HTTPX))
            why = _INSTEAD.get(
                name, f"it takes {allowed}; for anything else give AsyncOpenAIClient an SDK client"
            )
            raise ConfigError(f"httpx_client_kwargs has {name!r:.60}: {why}")
    return HTTPXOptions(headers, query, options)


def check_travels(given: Mapping[str, Any] | None) -> None:
    """Raise `ConfigError` for an option that cannot go to another process."""
    if isinstance((given or {}).get("verify"), ssl.SSLContext):
        raise ConfigError(
            "an SSLContext in httpx_client_kwargs cannot travel to another process: give verify as the path "
            "of a file of certificate authorities, and cert as that of the client's certificate"
        )


def _texts(name: str, given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise ConfigError(f"{name} in httpx_client_kwargs is a {type(given).__name__}: give a dict of texts")
    return {key: str(value) for key, value in given.items()}


def _tls(verify: Any, cert: Any) -> ssl.SSLContext:
    """Return the context that httpx would make of both, in the form that it asks for now."""
    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif verify is True:
        context = ssl.create_default_context()
    elif verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        if not Path(verify).exists():
            raise ConfigError(
                f"verify in httpx_client_kwargs is {verify!r}, and there is no such file or folder"
            )
        file, folder = (None, verify) if Path(verify).is_dir() else (verify, None)
        context = ssl.create_default_context(cafile=file, capath=folder)
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    return context
