"""How the simulated model answers: whether in a form that is asked for, and whether it thinks aloud."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.checks import check_number

FormatManner = Literal["obeyed", "refused", "ignored"]
ReasoningManner = Literal["none", "reasoning_content", "reasoning", "think", "unopened"]

THOUGHT = "The user wants an answer. Let me think it over, step by step. Done."


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What answers look like, beside their text."""

    response_format: FormatManner = "obeyed"
    """What becomes of a request's `response_format`: "refused" answers 400."""
    wrong: float = 0.0
    """Share of the answers to a JSON schema that do not fit it; which ones depends on the messages."""
    reasoning: ReasoningManner = "none"
    """Where reasoning stands: in the message's field of that name, before the answer in `<think>` tags, or
    "unopened": with the closing tag alone, as where the chat template opens it."""

    def __post_init__(self) -> None:
        check_number("answers.wrong", self.wrong, low=0, high=1)
        for name, kind in (("response_format", FormatManner), ("reasoning", ReasoningManner)):
            value = getattr(self, name)
            if value not in get_args(kind):
                raise ConfigError(f"answers.{name} is {value!r}; allowed are {', '.join(get_args(kind))}")

    @property
    def field(self) -> str | None:
        """The field of a message that holds the reasoning, if one does."""
        return self.reasoning if self.reasoning in ("reasoning_content", "reasoning") else None

    def with_thought(self, text: str) -> str:
        """Return `text` with the reasoning before it, where it stands there."""
        opened = {"think": "<think>\n", "unopened": ""}.get(self.reasoning)
        return text if opened is None else f"{opened}{THOUGHT}\n</think>\n\n{text}"


DEFAULT = Answers()
