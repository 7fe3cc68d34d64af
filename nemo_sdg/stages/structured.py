"""Having answers follow a form: how they are asked for, read and corrected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from nemo_sdg.errors import BadRequestError, ConfigError, ParseError
from nemo_sdg.stages.native_support import support_of
from nemo_sdg.stages.reply import Reply, reply_of
from nemo_sdg.stages.response_format import ResponseFormat

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nemo_sdg.client import AsyncLLMClient, Completion, GenerationConfig

Message = dict[str, Any]
Way = Literal["auto", "native", "prompt"]

_MOST_TURNS = 10
_NO_ANSWER = "(no answer)"  # chat templates want the roles in turn, and some servers no empty message


class Settled(NamedTuple):
    """What came of an answer and its corrections."""

    reply: Reply
    """The last one, with the tokens of all."""
    values: dict[str, Any]
    """Of the format's columns."""
    fault: ParseError | None = None
    """Why the last one cannot be used."""


class StructuredAnswers:
    """Asks for answers in `response_format`, reads them, and has those that do not follow it corrected.

    `way` says how it is asked for: "native" by the request's field, "prompt" in words, "auto" by the field
    unless the server refuses it or passes it over. An answer that is not as it should be is shown to the
    model with what is wrong, at most `turns` times.
    """

    def __init__(self, response_format: Any, turns: int, way: Way) -> None:
        if not isinstance(turns, int) or isinstance(turns, bool) or not 0 <= turns <= _MOST_TURNS:
            raise ConfigError(
                f"correction_turns is {turns!r}: give a whole number from 0 to {_MOST_TURNS}; each turn is a "
                "further request"
            )
        if way not in get_args(Way):
            raise ConfigError(f"structured is {way!r}: give one of {', '.join(get_args(Way))}")
        self.format = ResponseFormat(response_format)
        self._turns = turns
        self._way = way

    async def ask(
        self,
        client: AsyncLLMClient,
        model: str,
        send: Callable[[list[Message], GenerationConfig], Awaitable[Completion]],
        *,
        messages: list[Message],
        turns: Sequence[Message],
        config: GenerationConfig,
    ) -> Completion:
        """Return what `send` returns for `messages`, and `turns` after them, with the format asked for."""

        def natively() -> Awaitable[Completion]:
            return send([*messages, *turns], self._with_field(config))

        def in_words() -> Awaitable[Completion]:
            return send([*_with_instruction(messages, self.format.instruction), *turns], config)

        if self._way == "native":
            return await natively()
        if self._way == "prompt":
            return await in_words()
        return await support_of(client, model).ask(natively, in_words)

    async def settle(self, reply: Reply, again: Callable[[list[Message]], Awaitable[Completion]]) -> Settled:
        """Return what `reply` comes to; `again` asks for a correction after the given turns."""
        turns: list[Message] = []
        for turn in range(self._turns + 1):
            try:
                return Settled(reply, self._read(reply))
            except ParseError as fault:
                if turn == self._turns or not reply.whole or reply.refusal:
                    return Settled(reply, {}, _after(turn, fault))
                turns += [
                    {"role": "assistant", "content": reply.text or _NO_ANSWER},
                    {"role": "user", "content": _correction(fault)},
                ]
                try:
                    completion = await again(turns)
                except BadRequestError as refused:  # as when it is too long now
                    return Settled(reply, {}, ParseError(f"{fault}; asking to correct it failed: {refused}"))
            reply = reply_of(completion, 0, split=True).after(reply)
        raise AssertionError

    def _read(self, reply: Reply) -> dict[str, Any]:
        if reply.refusal:
            raise ParseError(f"the model refuses to answer: {reply.refusal:.200}")
        try:
            # What is cut off would be mended to an object with a part of its values.
            return self.format.read(reply.text, repair=reply.whole)
        except ParseError as fault:
            if reply.finish_reason == "length":
                raise ParseError(
                    f"the answer was cut off at max_tokens ({fault}): raise it, and add --retry truncated to "
                    "ask such rows again"
                ) from None
            raise

    def _with_field(self, config: GenerationConfig) -> GenerationConfig:
        fields = {**(config.extra_kwargs or {}), "response_format": self.format.parameter}
        return replace(config, extra_kwargs=fields)


def _correction(fault: ParseError) -> str:
    return f"This cannot be used: {fault}. Answer with the whole corrected JSON object and nothing else."


def _after(turns: int, fault: ParseError) -> ParseError:
    if not turns:
        return fault
    return ParseError(f"{fault} (after {turns} correction turn{'s' if turns > 1 else ''})")


def _with_instruction(messages: list[Message], instruction: str) -> list[Message]:
    """Return `messages` with the instruction at the end of the last one of the user."""
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.get("role") == "user":
            told = {**message, "content": _joined(message.get("content"), instruction)}
            return [*messages[:place], told, *messages[place + 1 :]]
    return [*messages, {"role": "user", "content": instruction}]


def _joined(content: Any, instruction: str) -> Any:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": instruction}]
    return f"{content}\n\n{instruction}" if content else instruction
