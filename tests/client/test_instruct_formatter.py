from __future__ import annotations

import pickle

import pytest

from nemo_sdg.client import InstructFormat, InstructFormatter
from nemo_sdg.client.instruct_formatter import FORMATS
from nemo_sdg.errors import ConfigError, TemplateError

CONV = [
    {"role": "user", "content": "Hi {content}"},
    {"role": "assistant", "content": "Hello"},
    {"role": "user", "content": "Bye"},
]
SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        (
            "mistral",
            "<s>[INST] Be brief.\n\nHi {content} [/INST] Hello</s>[INST] Bye [/INST]",
        ),
        (
            "llama-2",
            "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi {content} [/INST] Hello </s><s>[INST] Bye [/INST]",
        ),
        (
            "chatml",
            (
                "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi {content}<|im_end|>\n"
                "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
                "<|im_start|>assistant\n"
            ),
        ),
        (
            "alpaca",
            (
                "Be brief.\n\n### Instruction:\nHi {content}\n\n### Response:\nHello\n\n"
                "### Instruction:\nBye\n\n### Response:\n"
            ),
        ),
        ("vicuna", "Be brief. USER: Hi {content} ASSISTANT: Hello</s>USER: Bye ASSISTANT:"),
    ],
)
def test_formats(name, prompt):
    """Each format is what its models were trained on; braces in a text are text."""
    assert InstructFormatter(name).format_conversation([SYSTEM, *CONV]) == prompt


def test_with_an_answer_at_its_end():
    """Without the mark that asks for an answer a conversation may end with one, as for a reward model."""
    formatter = InstructFormatter("chatml", add_generation_prompt=False)

    assert formatter.format_conversation(CONV[:2]).endswith("<|im_start|>assistant\nHello<|im_end|>\n")
    with pytest.raises(TemplateError, match=r"turn 2 of 2 \(role 'assistant', content 'Hello'\)"):
        InstructFormatter("chatml").format_conversation(CONV[:2])


@pytest.mark.parametrize("name", FORMATS)
def test_wrong_order(name):
    """Two turns of the user in a row are an error that shows the second."""
    with pytest.raises(TemplateError, match=r"turn 2 of 2 \(role 'user', content 'Bye'\)"):
        InstructFormatter(name).format_conversation([CONV[0], CONV[2]])


def test_own_format():
    """A format of your own travels, and is told from others by its identity."""
    own = InstructFormat(user="U:{content};", assistant="A:{content};", system="S:{content};", answer="A:")
    formatter = pickle.loads(pickle.dumps(InstructFormatter(own)))

    assert formatter.format_conversation([SYSTEM, CONV[0]]) == "S:Be brief.;U:Hi {content};A:"
    assert formatter.identity == InstructFormatter(own).identity
    assert len({InstructFormatter(name).identity for name in FORMATS}) == len(FORMATS)


def test_refused():
    """Names that do not exist and formats without a place for the text are refused with what is allowed."""
    with pytest.raises(ConfigError, match="give one of alpaca, chatml"):
        InstructFormatter("gpt")
    with pytest.raises(ConfigError, match=r"user is 'U:'.*\{content\} in it, once"):
        InstructFormat(user="U:", assistant="{content}", system="{content}")
    with pytest.raises(ConfigError, match="begin is None"):
        InstructFormat(user="{content}", assistant="{content}", system="{content}", begin=None)
