"""The Hugging Face hub: where its token is, and publishing a folder there."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemo_sdg.errors import ConfigError, HubError
from nemo_sdg.redact import may_be_key, without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from nemo_sdg.cli.shipment import Shipment

_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_NO_TOKEN = "run 'export HF_TOKEN=<your token>' or 'hf auth login', or name another variable in --token-env"  # noqa: S105
_TOKENS = "https://huggingface.co/settings/tokens"
_OURS = ["part-*", "rejected/part-*"]
"""Files that an earlier publication may have left: those that are not published again are removed."""
_TEXT = 300  # characters of what the hub says


class Hub:
    """The hub at `HF_ENDPOINT`, by default huggingface.co, asked with the token in the variable `token_env`.

    Without that the token is the library's own choice. Raises `ConfigError` for a variable that is not set,
    or when `huggingface_hub` is not installed.
    """

    def __init__(self, token_env: str | None) -> None:
        self._library = _library()
        self._token = None if token_env is None else _token_in(token_env)
        self._token_env = token_env

    def check_name(self, repo: str) -> None:
        """Raise `ConfigError` when `repo` cannot be the name of a dataset."""
        wrong = "" if repo.count("/") == 1 else "it has no owner"
        try:
            self._library.utils.validate_repo_id(repo)
        except ValueError as error:
            wrong = str(error).splitlines()[0].partition(":")[0]
        if wrong:
            raise ConfigError(f"the dataset {repo!r} cannot be named so ({wrong}): give owner/name")

    def url(self, repo: str) -> str:
        """Return where `repo` is shown."""
        return f"{self._library.constants.ENDPOINT}/datasets/{repo}"

    @property
    def token_source(self) -> str:
        """Where the token is, never what it is; "" when there is none."""
        if self._token_env:
            return self._token_env
        constants = self._library.constants
        if os.environ.get("HF_OIDC_RESOURCE"):
            return "HF_OIDC_RESOURCE"
        for name in _VARIABLES:
            if os.environ.get(name, "").strip():
                return name
        return "the file of 'hf auth login'" if Path(constants.HF_TOKEN_PATH).is_file() else ""

    def publish(
        self, shipment: Shipment, repo: str, *, public: bool, message: str, revision: str | None
    ) -> str:
        """Upload `shipment` as the dataset `repo`, which is made when it is not there; return its URL.

        Files of its kind that are there and not in it are removed. Raises `HubError`.
        """
        api = self._library.HfApi(token=self._token or True)
        kind = {"repo_id": repo, "repo_type": "dataset"}
        with self._explained(repo), tempfile.TemporaryDirectory(prefix="nemo-sdg-") as folder:
            api.create_repo(**kind, private=not public, exist_ok=True)
            _check_visibility(repo, public_now=not api.repo_info(**kind).private, public=public)
            if revision is not None:
                api.create_branch(**kind, branch=revision, exist_ok=True)
            shipment.lay_out(Path(folder))
            api.upload_folder(
                **kind,
                folder_path=folder,
                commit_message=message,
                revision=revision,
                delete_patterns=_OURS,
            )
        return self.url(repo)

    @contextmanager
    def _explained(self, repo: str) -> Iterator[None]:
        """Raise what goes wrong as a `HubError` that says what to do."""
        try:
            yield
        except HubError:
            raise
        except Exception as error:
            raise HubError(self._told(_root(error), repo)) from error

    def _told(self, error: BaseException, repo: str) -> str:
        errors = self._library.errors
        if isinstance(error, errors.LocalTokenNotFoundError):
            return f"there is no token for the hub: {_NO_TOKEN}"
        if isinstance(error, errors.OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set, so nothing can be published: unset it"
        said = _one_line(getattr(error, "server_message", None) or str(error))
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return self._refused(status, said, repo)
        if "front matter" in said or "Invalid metadata" in said:
            return f"the hub refuses the first lines of README.md ({said}): check --license"
        again = "push again, what has arrived is not sent twice"
        return f"{repo} could not be published ({type(error).__name__}: {said}): check the network; {again}"

    def _refused(self, status: int, said: str, repo: str) -> str:
        token = f"the token from {self.token_source}"
        if status == 401:  # noqa: PLR2004
            return f"the hub does not accept {token} (401: {said}): make another one at {_TOKENS}"
        if status == 403:  # noqa: PLR2004
            return (
                f"{token} may not write to {repo} (403: {said}): give it the permission to write at "
                f"{_TOKENS}, or choose another owner"
            )
        if status == 404:  # noqa: PLR2004
            return (
                f"the hub has no {repo}, or {token} may not see it (404: {said}): check owner and --revision"
            )
        if status == 429 or status >= 500:  # noqa: PLR2004
            return f"the hub has no time now ({status}: {said}): push again later"
        return f"the hub refuses {repo} ({status}: {said}): check its name, --revision and --license"


def _library() -> ModuleType:
    try:
        import huggingface_hub.constants  # noqa: PLC0415 - an extra
        import huggingface_hub.errors  # noqa: PLC0415 - as above
        import huggingface_hub.utils  # noqa: PLC0415 - as above
    except ImportError:
        raise ConfigError("publishing needs huggingface_hub: pip install 'nemo-sdg[hub]'") from None
    return huggingface_hub


def _token_in(variable: str) -> str:
    if may_be_key(variable) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        raise ConfigError(
            "--token-env is not shown, for it may be the token itself: give the name of the environment "
            "variable that holds the token, such as HF_TOKEN"
        )
    token = os.environ.get(variable, "").strip()
    if not token:
        raise ConfigError(
            f"the environment variable {variable} is not set: run 'export {variable}=<your token>', or leave "
            "--token-env out to use HF_TOKEN or 'hf auth login'"
        )
    return token


def _check_visibility(repo: str, *, public_now: bool, public: bool) -> None:
    if public_now == public:
        return
    now, wanted = ("public", "--public") if public_now else ("private", "--private")
    raise HubError(f"{repo} is there and {now}: add {wanted}, or change that in its settings on the hub")


def _root(error: BaseException) -> BaseException:
    """Return what made the library fail: it wraps what goes wrong with one of several files."""
    while isinstance(error, RuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _one_line(text: Any) -> str:
    line = without_credentials(" ".join(str(text).split()))
    return line if len(line) <= _TEXT else f"{line[:_TEXT]} ..."
