from __future__ import annotations

import json
import pickle

import pytest

from nemo_sdg.client import HuggingFaceFormatter
from nemo_sdg.errors import BadRequestError, ConfigError, TemplateError

TEMPLATE = """{{- bos_token }}
{%- for message in messages %}
    {%- if (message.role == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate user/assistant/...') }}
    {%- endif %}
    {{- '<|' + message.role + '|>' + message.content + eos_token }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|assistant|>' + ('<think>' if enable_thinking else '') }}
{%- endif %}"""
CONV = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a tokenizer's config."""
    config = {"chat_template": TEMPLATE, "bos_token": "<s>", "eos_token": {"content": "</s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


def test_from_a_path(folder):
    """A folder's template is applied with its special tokens and the mark that asks for an answer."""
    assert HuggingFaceFormatter(folder).format_conversation(CONV) == "<s><|user|>Hi</s><|assistant|>"


def test_options(folder):
    """That mark and the token for the beginning can be left off; values and the template can be given."""

    def made(**options):
        return HuggingFaceFormatter(str(folder), **options).format_conversation(CONV)

    assert made(add_generation_prompt=False) == "<s><|user|>Hi</s>"
    assert made(bos=False) == "<|user|>Hi</s><|assistant|>"
    assert made(template_kwargs={"enable_thinking": True}).endswith("<|assistant|><think>")
    assert made(chat_template="{{ messages[0].content }}{{ eos_token }}") == "Hi</s>"


def test_the_templates_own_error(folder):
    """What the template refuses is an error of the row, with its words and the turn out of order."""
    formatter = HuggingFaceFormatter(folder)
    wrong = [*CONV, {"role": "user", "content": "Again"}]
    with pytest.raises(TemplateError, match=r"must alternate.*; turn 2 of 2 \(role 'user', content 'Again'"):
        formatter.format_conversation(wrong)
    with pytest.raises(TemplateError, match="its roles are user"):
        formatter.format_conversation([{"role": "user", "content": None}])


def test_nothing_is_asked_with_it(simulator, make, ask, folder):
    """A conversation that the template refuses is not sent, and takes nothing of the limits."""
    server = simulator()
    client = make(server)
    with pytest.raises(TemplateError, match="turn 1 of 1"):
        ask(client, messages=[{"role": "assistant", "content": "?"}], formatter=HuggingFaceFormatter(folder))

    assert server.stats()["requests"] == 0
    assert "m" not in client._limiters


def test_prompt_on_the_wire(scripted, http, make, ask, folder):
    """A server of completions gets the prompt, once formatted for all attempts."""
    formatter = HuggingFaceFormatter(folder)
    times = []
    render = formatter._rendered
    formatter._rendered = lambda conv: times.append(conv) or render(conv)
    server = scripted(http(500), http(body={"choices": [{"text": "Oui."}]}))

    assert ask(make(server), messages=CONV, formatter=formatter).texts == ["Oui."]
    assert [request.json["prompt"] for request in server.requests] == ["<s><|user|>Hi</s><|assistant|>"] * 2
    assert server.requests[0].line == "POST /v1/completions HTTP/1.1"
    assert len(times) == 1


def test_a_tokenizer_object():
    """A tokenizer object is asked itself, for text, with the mark that asks for an answer."""

    class Tokenizer:
        bos_token = "<s>"
        chat_template = "T"

        def apply_chat_template(self, conv, **options):
            return f"<s>{conv[0]['content']}{options}"

    assert HuggingFaceFormatter(Tokenizer(), bos=False).format_conversation(CONV) == (
        "Hi{'tokenize': False, 'add_generation_prompt': True}"
    )
    with pytest.raises(TemplateError, match="content"):
        HuggingFaceFormatter(Tokenizer()).format_conversation([{"role": "user"}])


def test_travels_and_is_told_apart(folder):
    """It works after pickling and without the folder; with other options it has another identity."""
    formatter = HuggingFaceFormatter(folder)
    formatter.format_conversation(CONV)
    others = [HuggingFaceFormatter(folder, bos=False), HuggingFaceFormatter(folder, chat_template="x")]
    there = pickle.loads(pickle.dumps(formatter))
    (folder / "tokenizer_config.json").unlink()

    assert there.format_conversation(CONV) == formatter.format_conversation(CONV)
    assert there.identity == formatter.identity
    assert len({each.identity for each in (formatter, *others)}) == 3


def test_refused(folder):
    """What is no tokenizer, or has no template of that name, is refused."""
    with pytest.raises(ConfigError, match="tokenizer is a int: give a folder"):
        HuggingFaceFormatter(5)
    with pytest.raises(ConfigError, match="no chat template 'tool_use': it has default"):
        HuggingFaceFormatter(folder, template_name="tool_use")
    with pytest.raises(ConfigError, match="error in line 1"):
        HuggingFaceFormatter(folder, chat_template="{{")


@pytest.mark.parametrize("conv", [[{"role": "user", "content": "\ud800"}]])
def test_what_is_no_text(simulator, make, ask, folder, conv):
    """An unpaired surrogate is refused as without a formatter."""
    with pytest.raises(BadRequestError, match="surrogate"):
        ask(make(simulator()), messages=conv, formatter=HuggingFaceFormatter(folder))
