"""One choice of a completion, as a stage makes columns of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.client.completion import NO_USAGE
from nemo_sdg.stages.reasoning import split_reasoning

if TYPE_CHECKING:
    from nemo_sdg.client import Completion


class Reply(NamedTuple):
    """What a model said in one choice, and what was counted for it."""

    text: str
    reasoning: str | None
    refusal: str | None
    """Why the model does not answer, from servers that send that apart."""
    model: str | None
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int | None
    """None: there was reasoning, and the server did not count it."""

    @property
    def withheld(self) -> bool:
        """Whether a content filter has left nothing of it."""
        return not self.text and self.finish_reason == "content_filter"

    @property
    def whole(self) -> bool:
        """Whether the model ended the text by itself."""
        return self.finish_reason not in ("length", "content_filter")

    def after(self, earlier: Reply) -> Reply:
        """Return this reply with the tokens of an earlier one, which it corrects, counted in."""
        thought = (self.reasoning_tokens, earlier.reasoning_tokens)
        return self._replace(
            prompt_tokens=self.prompt_tokens + earlier.prompt_tokens,
            completion_tokens=self.completion_tokens + earlier.completion_tokens,
            reasoning_tokens=None if thought[0] is None or thought[1] is None else thought[0] + thought[1],
        )


def reply_of(completion: Completion, choice: int, *, split: bool) -> Reply:
    """Return one choice; `split` takes reasoning off its text, where the server has not done so.

    The server counts tokens of the request, not of each choice: they are choice 0's, so that sums are right.
    """
    text = completion.texts[choice]
    reasoning = completion.reasoning[choice] if choice < len(completion.reasoning) else None
    if split and not reasoning:
        reasoning, text = split_reasoning(text)
    usage = NO_USAGE if choice else completion.usage
    return Reply(
        text,
        reasoning,
        None if text else _refusal(completion.raw, choice),
        completion.model,
        completion.finish_reasons[choice],
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens or (None if reasoning and not choice else 0),
    )


def _refusal(raw: dict[str, Any], choice: int) -> str | None:
    choices = raw.get("choices")
    held = choices if isinstance(choices, list) else []
    # In the order of their index, as the texts are.
    held = sorted((each for each in held if isinstance(each, dict)), key=lambda each: each.get("index") or 0)
    message = held[choice].get("message") if choice < len(held) else None
    refusal = message.get("refusal") if isinstance(message, dict) else None
    return refusal if isinstance(refusal, str) and refusal else None
