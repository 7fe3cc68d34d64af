"""Complete answers to completion requests: choices, usage and their JSON."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from nemo_sdg.simulator.answers import Wish, answer, count_tokens, cut_tokens, wish_of
from nemo_sdg.simulator.logprobs import logprobs_of
from nemo_sdg.simulator.manners import DEFAULT, THOUGHT
from nemo_sdg.simulator.requests import ChatRequest, Sampling
from nemo_sdg.simulator.schemas import fitting, one_of

if TYPE_CHECKING:
    from nemo_sdg.simulator.manners import Answers
    from nemo_sdg.simulator.requests import Prompt

MODEL = "simulated"

FinishReason = Literal["stop", "length", "content_filter"]


class Choice(msgspec.Struct):
    """One text and why it ended."""

    text: str
    finish_reason: FinishReason
    reasoning: str | None = None
    """Where it stands apart from the text."""
    logprobs: dict[str, Any] | None = None
    """As it is sent."""


class CompletionDetails(msgspec.Struct):
    """What completion tokens consist of."""

    reasoning_tokens: int


class Usage(msgspec.Struct, omit_defaults=True):
    """Tokens, counted approximately."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    completion_tokens_details: CompletionDetails | None = None


class Completion(msgspec.Struct):
    """Everything that an answer to one request says."""

    id: str
    chat: bool
    created: int
    choices: list[Choice]
    usage: Usage
    fingerprint: int
    """64 bits that tell requests apart by messages and seed."""
    reasoning_field: str | None = None
    """Of a message, where it has reasoning."""


def complete(request: Sampling, number: int, random_seed: int, answers: Answers = DEFAULT) -> Completion:
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
        schema = prompt.schema
        form = request.response_format
        if form is not None and form.type.startswith("json") and answers.response_format == "obeyed":
            wish = wish._replace(form="json")
            schema = schema if form.json_schema is None else form.json_schema.schema
        held_to = request.structured_outputs
        if held_to is not None:
            schema = held_to.json
        asked = _Asked(prompt, wish, schema, answers, None if held_to is None else held_to.choice)
        choices += [_choose(request, asked, seed, i) for i in range(request.n or 1)]
    chat = isinstance(request, ChatRequest)
    prompt_tokens = (prompt_bytes + 3) // 4
    completion_tokens = sum([count_tokens(choice.text) for choice in choices])
    details = None
    if answers.field is not None:
        thought = sum([count_tokens(choice.reasoning or "") for choice in choices])
        completion_tokens += thought
        details = CompletionDetails(thought)
    return Completion(
        id=f"chatcmpl-sim-{number}" if chat else f"cmpl-sim-{number}",
        chat=chat,
        created=int(time.time()),
        choices=choices,
        usage=Usage(prompt_tokens, completion_tokens, prompt_tokens + completion_tokens, details),
        fingerprint=fingerprint & 0xFFFF_FFFF_FFFF_FFFF,
        reasoning_field=answers.field if chat else None,
    )


class _Asked(NamedTuple):
    prompt: Prompt
    wish: Wish
    schema: dict[str, Any] | None
    answers: Answers
    texts: list[str] | None
    """The only ones allowed."""


def _choose(request: Sampling, asked: _Asked, seed: int, index: int) -> Choice:
    digest, answers = asked.prompt.digest, asked.answers
    key = digest if request.greedy else b"%s%d,%d" % (digest, seed, index)
    if asked.texts:
        text = one_of(asked.texts, key)
    elif asked.schema:
        text = fitting(asked.schema, key, prompt=asked.prompt.user, wrong=answers.wrong)
    else:
        text = answer(asked.wish, key)
    if answers.reasoning != "none":
        text = answers.with_thought(text)
    if request.stop:
        found = [place for place in map(text.find, request.stops) if place >= 0]
        text = text[: min(found)] if found else text
    choice = _cut(request.token_limit, text, answers)
    if request.logprobs is not None and request.logprobs is not False:
        chat = isinstance(request, ChatRequest)
        top = (request.top_logprobs or 0) if chat else int(request.logprobs)
        choice.logprobs = logprobs_of(choice.text, top, chat=chat)
    return choice


def _cut(limit: int | None, text: str, answers: Answers) -> Choice:
    thought = None if answers.field is None else THOUGHT
    if limit is not None and thought is not None:
        thought = cut_tokens(thought, limit)
        limit -= count_tokens(thought)
    if limit is not None and limit < count_tokens(text):
        return Choice(cut_tokens(text, limit), "length", thought)
    return Choice(text, "stop", thought)


class _Message(msgspec.Struct):
    content: str | None
    role: str = "assistant"
    refusal: None = None
    reasoning_content: str | msgspec.UnsetType | None = msgspec.UNSET
    reasoning: str | msgspec.UnsetType | None = msgspec.UNSET


class _ChatChoice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: str
    logprobs: dict[str, Any] | None = None


class _TextChoice(msgspec.Struct):
    index: int
    text: str | None
    finish_reason: str
    logprobs: dict[str, Any] | None = None


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
        if completion.chat:
            message = _Message(text)
            if completion.reasoning_field is not None:
                setattr(message, completion.reasoning_field, choice.reasoning)
            choices.append(_ChatChoice(i, message, reason, choice.logprobs))
        else:
            choices.append(_TextChoice(i, text, reason, choice.logprobs))
    kind = "chat.completion" if completion.chat else "text_completion"
    return _encode(_Body(completion.id, kind, completion.created, choices, completion.usage))
