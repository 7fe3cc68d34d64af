from __future__ import annotations

import json
import sys
import types

import pytest

from nemo_sdg.client.tokenizer_files import read_tokenizer
from nemo_sdg.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes a tokenizer's files and returns their folder."""

    def write(config, **files):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
        for name, text in files.items():
            (tmp_path / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_one_template_and_tokens(folder):
    """The template and the special tokens are read, tokens as text or as objects with their text."""
    path = folder(
        {
            "chat_template": "T",
            "bos_token": {"content": "<s>", "lstrip": False},
            "eos_token": "</s>",
            "pad_token": None,
            "add_bos_token": True,
            "additional_special_tokens": ["<a>", {"content": "<b>"}],
        },
        special_tokens_map__json=json.dumps({"unk_token": "<unk>", "eos_token": "older"}),
    )
    for given in (path, str(path), path / "tokenizer_config.json"):
        templates, tokens = read_tokenizer(given)

        assert templates == {"default": "T"}
        assert tokens == {
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
            "additional_special_tokens": ["<a>", "<b>"],
        }


def test_several_templates(folder):
    """Several templates have names; a file of its own stands before the config's default one."""
    named = [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "U"}]

    assert read_tokenizer(folder({"chat_template": named})).templates == {"default": "D", "tool_use": "U"}
    path = folder({"chat_template": named}, chat_template__jinja="J")
    assert read_tokenizer(path).templates == {"default": "J", "tool_use": "U"}
    path = folder({}, chat_template__jinja="J", chat_template__json='{"chat_template": "O"}')
    assert read_tokenizer(path).templates == {"default": "J"}


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({}, "has no chat template.*InstructFormatter"),
        ([], "is a JSON list"),
        ({"chat_template": 3}, "no chat"),
    ],
)
def test_without_a_template(folder, config, complaint):
    """A tokenizer without a template, or with files that are something else, is refused."""
    with pytest.raises(ConfigError, match=complaint):
        read_tokenizer(folder(config))


def test_damaged(folder):
    """Files that are not JSON, or no text, are refused by name."""
    path = folder({"chat_template": "T"}, special_tokens_map__json="{")
    with pytest.raises(ConfigError, match=r"special_tokens_map.json of .* is not JSON"):
        read_tokenizer(path)
    (path / "chat_template.jinja").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError, match=r"chat_template.jinja cannot be read"):
        read_tokenizer(path)


def test_neither_path_nor_hub(tmp_path, monkeypatch):
    """A path that does not exist is no name of the hub; a name of the hub says what to install for it."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match="does not exist"):
        read_tokenizer(tmp_path / "none")
    with pytest.raises(ConfigError, match=r"pip install 'nemo-sdg\[tokenizers\]'"):
        read_tokenizer("org/model")


def test_from_the_hub(folder, monkeypatch):
    """A name of the hub is fetched file by file at its revision; files that are not there are left out."""
    path = folder({"chat_template": "T", "bos_token": "<s>"})
    asked = []

    class EntryNotFoundError(Exception):
        pass

    def download(name, file, revision):
        asked.append((name, revision))
        if name != "org/model":
            raise OSError("401 Client Error")
        if not (path / file).exists():
            raise EntryNotFoundError
        return str(path / file)

    hub = types.ModuleType("huggingface_hub")
    hub.hf_hub_download = download
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)

    assert read_tokenizer("org/model", "v2") == ({"default": "T"}, {"bos_token": "<s>"})
    assert set(asked) == {("org/model", "v2")}
    with pytest.raises(ConfigError, match=r"org/other cannot be had.*401 Client Error.*HF_TOKEN"):
        read_tokenizer("org/other")
