"""The chat template and the special tokens of a Hugging Face tokenizer, read from its files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.client.shown import shown
from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_CONFIG = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
_OLDER_TEMPLATE = "chat_template.json"
_TOKENS = "special_tokens_map.json"
_FILES = (_CONFIG, _TEMPLATE, _OLDER_TEMPLATE, _TOKENS)
_INSTALL = "pip install 'nemo-sdg[tokenizers]'"


class TokenizerFiles(NamedTuple):
    """What formatting needs of a tokenizer."""

    templates: dict[str, str]
    """By name; the usual one is "default"."""
    tokens: dict[str, Any]
    """Such as `bos_token` and `eos_token`, by what templates call them."""


def read_tokenizer(tokenizer: str | Path, revision: str | None = None) -> TokenizerFiles:
    """Return what the files of `tokenizer` say: a folder's, a tokenizer_config.json's, or a hub's.

    Raises `ConfigError` when they cannot be had, or are not what they should be.
    """
    path = Path(tokenizer).expanduser()
    if path.is_file():
        path = path.parent
    if path.is_dir():
        return _read(lambda name: path / name, str(tokenizer))
    name = str(tokenizer)
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or not name:
        raise ConfigError(f"tokenizer is {name!r}, which does not exist: give a folder with {_CONFIG} in it")
    return _read(_from_hub(name, revision), name)


def _from_hub(name: str, revision: str | None) -> Callable[[str], Path | None]:
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError:
        raise ConfigError(
            f"tokenizer is {name!r}, which is no folder here; to take it from the Hugging Face hub: "
            f"{_INSTALL}"
        ) from None

    def fetch(file: str) -> Path | None:
        try:
            return Path(hub.hf_hub_download(name, file, revision=revision))
        except Exception as error:  # noqa: BLE001 - of a library that need not be there
            if type(error).__name__ in ("EntryNotFoundError", "RemoteEntryNotFoundError"):
                return None
            raise ConfigError(
                f"the tokenizer {name} cannot be had from the Hugging Face hub ({shown(error)}): check its "
                "name, the network, and HF_TOKEN for a model that asks for leave"
            ) from None

    return fetch


def _read(find: Callable[[str], Path | None], where: str) -> TokenizerFiles:
    found = {name: _text(path) for name in _FILES if (path := find(name)) is not None}
    config, older, more = (
        _decoded(found.get(name), f"{name} of {where}") for name in (_CONFIG, _OLDER_TEMPLATE, _TOKENS)
    )
    templates = {**_templates(config.get("chat_template")), **_templates(older.get("chat_template"))}
    if found.get(_TEMPLATE) is not None:
        templates["default"] = str(found[_TEMPLATE])
    if not templates:
        raise ConfigError(
            f"the tokenizer {where} has no chat template, neither in {_CONFIG} nor as {_TEMPLATE}: give one "
            "as chat_template, or use an InstructFormatter"
        )
    return TokenizerFiles(templates, {**_special(more), **_special(config)})


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {shown(error)}") from None


def _decoded(text: str | None, what: str) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        decoded = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{what} is not JSON: {shown(error)}") from None
    if not isinstance(decoded, dict):
        raise ConfigError(f"{what} is a JSON {type(decoded).__name__}, not an object")
    return decoded


def _templates(value: Any) -> dict[str, str]:
    """Return the templates by name, of one text or of a list of several."""
    if isinstance(value, str):
        return {"default": value}
    each = value if isinstance(value, list) else []
    return {
        str(named["name"]): str(named["template"])
        for named in each
        if isinstance(named, dict) and {"name", "template"} <= named.keys()
    }


def _special(config: dict[str, Any]) -> dict[str, Any]:
    tokens: dict[str, Any] = {}
    for name, value in config.items():
        if name == "additional_special_tokens" and isinstance(value, list):
            tokens[name] = [token for each in value if (token := _token(each)) is not None]
        elif name.endswith("_token") and (token := _token(value)) is not None:
            tokens[name] = token
    return tokens


def _token(value: Any) -> str | None:
    content = value.get("content") if isinstance(value, dict) else value  # an AddedToken, or its text
    return content if isinstance(content, str) else None
