"""Choosing what counts tokens."""

from __future__ import annotations

import pickle
import sys
from types import SimpleNamespace

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.approximate_tokens import ApproximateTokens
from nemo_sdg.stages.filter_tokens import TokenCountFilter
from nemo_sdg.stages.token_counter import _counter, token_counter


@pytest.fixture(autouse=True)
def _forget():
    _counter.cache_clear()
    yield
    _counter.cache_clear()


class Words:
    """A tokenizer of which each word is a token, in the manner of the library."""

    def no_truncation(self):
        self.whole = True

    def no_padding(self):
        self.bare = True

    def encode_batch_fast(self, texts, add_special_tokens=True):
        assert self.whole
        assert self.bare
        return [text.encode() and text.split() + ["</s>"] * add_special_tokens for text in texts]


@pytest.fixture
def library(monkeypatch):
    """Put a library for tokenizers in the place of the real one; return what it was asked for."""
    asked = []

    def load(name):
        asked.append(name)
        if name == "no/such":
            raise Exception("404 Client Error\nmore")  # noqa: TRY002 - as the library does
        return Words()

    tokenizer = SimpleNamespace(from_file=load, from_pretrained=load)
    monkeypatch.setitem(sys.modules, "tokenizers", SimpleNamespace(Tokenizer=tokenizer))
    return asked


def test_without_a_tokenizer():
    """None counts approximately, and the counter is made once."""
    assert isinstance(token_counter(), ApproximateTokens)
    assert token_counter() is token_counter(None)


def test_by_name_or_path(library, tmp_path):
    """A tokenizer comes from the hub, from a file and from its folder; special tokens do not count."""
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")

    for name in ("org/model", str(file), str(tmp_path)):
        assert token_counter(name).counts(["a b c", "", "\ud800 x"]) == [3, 0, 2]

    assert library == ["org/model", str(file), str(file)]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such", "cannot be loaded: 404 Client Error; check the name"),
        ("./nowhere/tokenizer.json", "does not exist"),
        ("", "give the name of a model"),
        (3, "give the name of a model"),
    ],
)
def test_of_no_use(name, message, monkeypatch):
    """What cannot be loaded says why and what to do."""
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=message):
        token_counter(name)


def test_not_installed(monkeypatch):
    """Without the library the error says what to install, and what to do without."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        ConfigError, match=r"pip install 'nemo-sdg\[tokenizers\]', or leave the tokenizer out"
    ):
        token_counter("org/model")


@pytest.mark.usefixtures("library")
def test_others_by_transformers(monkeypatch):
    """What has no tokenizer.json is loaded by transformers, when that is installed."""
    slow = SimpleNamespace(encode=lambda text, add_special_tokens: list(text) + [0] * add_special_tokens)
    auto = SimpleNamespace(from_pretrained=lambda _: slow)
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(AutoTokenizer=auto))

    assert token_counter("no/such").counts(["abc", ""]) == [3, 0]


@pytest.mark.usefixtures("library")
def test_stages_travel_without_it():
    """A stage with a tokenizer can be pickled for a worker after it was used."""
    stage = TokenCountFilter(min_tokens=2, tokenizer="org/model")
    stage.setup()

    assert pickle.loads(pickle.dumps(stage)).tokenizer == "org/model"


def test_the_real_library(tmp_path):
    """With the library installed, a tokenizer of our own is read from its file, saved truncation left out."""
    tokenizers = pytest.importorskip("tokenizers", reason="needs the extra tokenizers")
    model = tokenizers.models.WordLevel({"one": 0, "two": 1, "?": 2}, unk_token="?")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.enable_truncation(2)
    made.enable_padding(length=9)
    made.save(str(tmp_path / "tokenizer.json"))

    assert token_counter(str(tmp_path)).counts(["one two three", "", "\ud800"]) == [3, 0, 1]
