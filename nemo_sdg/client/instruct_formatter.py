"""Conversations in the plain formats that instruct models were trained on."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

from nemo_sdg.client.conversation import ConversationFormatter
from nemo_sdg.client.turns import check_order, split_system, text_of
from nemo_sdg.errors import ConfigError


@dataclass(frozen=True)
class InstructFormat:
    """What stands around the turns; `{content}` is a turn's text, which is never searched for braces."""

    user: str
    assistant: str
    system: str
    begin: str = ""
    """Before everything."""
    answer: str = ""
    """After the last turn: what asks for the answer."""
    system_in_user: bool = False
    """The system's turn stands inside the first one of the user, before its text."""

    def __post_init__(self) -> None:
        """Check that each turn's text has its place."""
        for name in ("user", "assistant", "system"):
            template = getattr(self, name)
            if not isinstance(template, str) or template.count("{content}") != 1:
                raise ConfigError(f"{name} is {template!r}: give a text with {{content}} in it, once")
        for name in ("begin", "answer"):
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} is {getattr(self, name)!r}: give a text")


FORMATS = {
    "alpaca": InstructFormat(
        system="{content}\n\n",
        user="### Instruction:\n{content}\n\n",
        assistant="### Response:\n{content}\n\n",
        answer="### Response:\n",
    ),
    "chatml": InstructFormat(
        system="<|im_start|>system\n{content}<|im_end|>\n",
        user="<|im_start|>user\n{content}<|im_end|>\n",
        assistant="<|im_start|>assistant\n{content}<|im_end|>\n",
        answer="<|im_start|>assistant\n",
    ),
    "llama-2": InstructFormat(
        system="<<SYS>>\n{content}\n<</SYS>>\n\n",
        user="<s>[INST] {content} [/INST]",
        assistant=" {content} </s>",
        system_in_user=True,
    ),
    "mistral": InstructFormat(
        begin="<s>",
        system="{content}\n\n",
        user="[INST] {content} [/INST]",
        assistant=" {content}</s>",
        system_in_user=True,
    ),
    "vicuna": InstructFormat(
        system="{content} ",
        user="USER: {content} ",
        assistant="ASSISTANT: {content}</s>",
        answer="ASSISTANT:",
    ),
}
"""By the families of models that use them; Mixtral's is "mistral"."""


class InstructFormatter(ConversationFormatter):
    """Puts the marks of an instruct format around the turns: one of `FORMATS` by name, or your own.

    A system's turn may begin; then user and assistant alternate, the user first. The last turn is the user's,
    and what asks for the answer follows it, unless `add_generation_prompt` is False. Any other order raises
    `TemplateError`, which shows the turn.
    """

    def __init__(self, instruct_format: str | InstructFormat, *, add_generation_prompt: bool = True) -> None:
        known = FORMATS.get(instruct_format) if isinstance(instruct_format, str) else instruct_format
        if not isinstance(known, InstructFormat):
            raise ConfigError(
                f"instruct_format is {instruct_format!r:.80}: give one of {', '.join(FORMATS)}, or an "
                "InstructFormat of your own"
            )
        self.instruct_format = known
        self.add_generation_prompt = add_generation_prompt

    @property
    def identity(self) -> str:
        """The format."""
        return f"{type(self).__qualname__}{astuple(self.instruct_format)}{self.add_generation_prompt}"

    def format_conversation(self, conv: list[dict[str, Any]]) -> str:
        """Return the turns of `conv` with the marks around them."""
        check_order(conv, ends_with_user=self.add_generation_prompt)
        marks = self.instruct_format
        system, turns = split_system(conv)
        begin, inside = marks.begin, ""
        if system is not None:
            told = _filled(marks.system, system)
            begin, inside = (begin, told) if marks.system_in_user else (begin + told, "")
        pieces = [begin]
        for place, turn in enumerate(turns):
            if turn["role"] == "user":
                pieces.append(_filled(marks.user, inside + text_of(turns, place)))
                inside = ""
            else:
                pieces.append(_filled(marks.assistant, text_of(turns, place)))
        if self.add_generation_prompt:
            pieces.append(marks.answer)
        return "".join(pieces)


def _filled(template: str, content: str) -> str:
    before, _, after = template.partition("{content}")
    return before + content + after
