"""From a path or a URL to a store, and the environment variables that its kind of URL needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nemo_sdg.errors import ConfigError
from nemo_sdg.redact import shown_url, without_credentials
from nemo_sdg.storage.local import LocalStore

if TYPE_CHECKING:
    from nemo_sdg.storage.store import Store

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_BROKEN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")
_AMAZON = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_EC2_METADATA_DISABLED",
)
_GOOGLE = ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUD_STORAGE_EMULATOR_ENDPOINT")
_MICROSOFT = (
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
)
_VARIABLES = {"s3": _AMAZON, "gs": _GOOGLE, "gcs": _GOOGLE, "abfs": _MICROSOFT, "abfss": _MICROSOFT}
SCHEMES = "s3://, gs://, abfs://, hdfs:// or file://"


def is_url(path: Path | str) -> bool:
    """Return whether `path` is the URL of a folder, not a path."""
    return isinstance(path, str) and _URL.match(path) is not None


def variables_of(path: Path | str) -> tuple[str, ...]:
    """Return the names of the environment variables that reaching `path` may need; never what they hold."""
    scheme = str(path).partition("://")[0].lower() if is_url(path) else ""
    return _VARIABLES.get(scheme, ())


def opened(path: Path | str, filesystem: Any = None) -> Store:
    """See `Store.open`."""
    if filesystem is not None:
        return _on(filesystem, str(path), str(path), (str(path), filesystem))
    if not is_url(path):
        if _BROKEN_URL.match(str(path)):
            raise ConfigError(f"the folder {str(path)!r} is half a URL: give a text, as 's3://bucket/folder'")
        return LocalStore(Path(path))
    from pyarrow import fs  # noqa: PLC0415 - not needed for a path

    url = str(path)
    shown = shown_url(url)
    try:
        filesystem, place = fs.FileSystem.from_uri(_at_once(url))
    except (ValueError, NotImplementedError, OSError) as error:
        raise ConfigError(
            f"the folder {shown} cannot be opened ({without_credentials(str(error))}): give a path, or a URL "
            f"that begins with {SCHEMES}"
        ) from None
    return _on(filesystem, place, shown.rstrip("/"), (url,))


def _at_once(url: str) -> str:
    """Return the URL of a bucket at Amazon's so that a small file takes one request, not three."""
    if not url.lower().startswith("s3://") or "allow_delayed_open" in url:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}allow_delayed_open=true"


def _on(filesystem: Any, place: str, shown: str, given: tuple[Any, ...]) -> Store:
    if filesystem.type_name == "local":
        return LocalStore(Path(place))
    from nemo_sdg.storage.remote import RemoteStore  # noqa: PLC0415 - it imports more

    return RemoteStore(filesystem, place, shown, given)
