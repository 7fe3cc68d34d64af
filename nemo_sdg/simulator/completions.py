"""Complete answers to completion requests: choices, usage and their JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from nemo_sdg.simulator.answers import Wish, answer, count_tokens, cut_tokens, wish_of
from nemo_sdg.simulator.requests import ChatRequest, Sampling

if TYPE_CHECKING:
    from nemo_sdg.simulator.requests import Prompt

MODEL = "simulated"

FinishReason = Literal["stop", "length", "content_filter"]


class Choice(msgspec.Struct):
    """One text and why it ended."""

    text: str
    finish_reason: FinishReason


class Usage(msgspec.Struct):
    """Tokens, counted approximately."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(msgspec.Struct):
    """Everything that an answer to one request says."""

    id: str
    chat: bool
    created: int
    choices: list[Choice]
    usage: Usage
    fingerprint: int
    """64 bits that tell requests apart by messages and seed."""


def complete(request: Sampling, number: int, random_seed: int) -> Completion:
    """Answer a request; `number` names the answer, `random_seed` stands in for an absent seed.

    The text depends on the messages, the seed, the place among the choices and on whether the
    request is greedy (temperature 0): then neither the seed nor the place matters.
    """
    seed = random_seed if request.seed is None else request.seed
    choices = []
    prompt_bytes = 0
    fingerprint = -1 if request.seed is None else request.seed
    prompts = request.prompts()
    for prompt in prompts:
        prompt_bytes += prompt.length
        fingerprint = fingerprint * 31 + int.from_bytes(prompt.digest, "little")
        wish = wish_of(prompt.instructions, prompt.user)
        if request.response_format is not None and request.response_format.type.startswith("json"):
            wish = wish._replace(form="json")
        choices += [_choose(request, prompt, wish, seed, i) for i in range(request.n or 1)]
    chat = isinstance(request, ChatRequest)
    prompt_tokens = (prompt_bytes + 3) // 4
    completion_tokens = sum([count_tokens(choice.text) for choice in choices])
    return Completion(
        id=f"chatcmpl-sim-{number}" if chat else f"cmpl-sim-{number}",
        chat=chat,
        created=int(time.time()),
        choices=choices,
        usage=Usage(prompt_tokens, completion_tokens, prompt_tokens + completion_tokens),
        fingerprint=fingerprint & 0xFFFF_FFFF_FFFF_FFFF,
    )


def _choose(request: Sampling, prompt: Prompt, wish: Wish, seed: int, index: int) -> Choice:
    key = prompt.digest if request.greedy else b"%s%d,%d" % (prompt.digest, seed, index)
    text = answer(wish, key)
    if request.stop:
        found = [place for place in map(text.find, request.stops) if place >= 0]
        text = text[: min(found)] if found else text
    limit = request.token_limit
    if limit is not None and limit < count_tokens(text):
        return Choice(cut_tokens(text, limit), "length")
    return Choice(text, "stop")


class _Message(msgspec.Struct):
    content: str | None
    role: str = "assistant"
    refusal: None = None


class _ChatChoice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: str
    logprobs: None = None


class _TextChoice(msgspec.Struct):
    index: int
    text: str | None
    finish_reason: str
    logprobs: None = None


class _Body(msgspec.Struct):
    id: str
    object: str
    created: int
    choices: list[Any]
    usage: Usage
    model: str = MODEL
    system_fingerprint: str = MODEL


_encode = msgspec.json.Encoder().encode


def body_of(completion: Completion, *, refused: bool = False) -> bytes:
    """Return the JSON of an answer that is not streamed; `refused`: without content, as filters do."""
    choices: list[Any] = []
    for i, choice in enumerate(completion.choices):
        text = None if refused else choice.text
        reason = "content_filter" if refused else choice.finish_reason
        choices.append(
            _ChatChoice(i, _Message(text), reason) if completion.chat else _TextChoice(i, text, reason)
        )
    kind = "chat.completion" if completion.chat else "text_completion"
    return _encode(_Body(completion.id, kind, completion.created, choices, completion.usage))
