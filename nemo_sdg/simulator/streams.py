"""Complete answers as a stream of server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.simulator.completions import MODEL, Usage

if TYPE_CHECKING:
    from nemo_sdg.simulator.completions import Completion

# About two tokens, as busy servers send.
PIECE_LENGTH = 8


class _Event(msgspec.Struct):
    id: str
    object: str
    created: int
    choices: list[dict[str, Any]]
    model: str = MODEL
    system_fingerprint: str = MODEL
    usage: Usage | msgspec.UnsetType | None = msgspec.UNSET


def events_of(completion: Completion, *, include_usage: bool, refused: bool = False) -> list[bytes]:
    """Return the events of an answer, the last of them `[DONE]`; choices come one after the other.

    Log-probabilities come with a choice's last event.
    """
    kind = "chat.completion.chunk" if completion.chat else "text_completion"

    def event(choices: list[dict[str, Any]], usage: Usage | None = None) -> bytes:
        record = _Event(completion.id, kind, completion.created, choices)
        if include_usage:
            record.usage = usage
        return b"data: %s\n\n" % msgspec.json.encode(record)

    events = []
    for i, choice in enumerate(completion.choices):
        text = "" if refused else choice.text
        reason = "content_filter" if refused else choice.finish_reason
        pieces = [text[k : k + PIECE_LENGTH] for k in range(0, len(text), PIECE_LENGTH)]
        if completion.chat:
            events.append(event([_chat(i, {"role": "assistant", "content": ""}, None)]))
            if completion.reasoning_field is not None and choice.reasoning:
                events.append(event([_chat(i, {completion.reasoning_field: choice.reasoning}, None)]))
            events += [event([_chat(i, {"content": piece}, None)]) for piece in pieces]
            events.append(event([_chat(i, {}, reason, choice.logprobs)]))
        else:
            events += [event([_text(i, piece, None)]) for piece in pieces]
            events.append(event([_text(i, "", reason, choice.logprobs)]))
    if include_usage:
        events.append(event([], completion.usage))
    events.append(b"data: [DONE]\n\n")
    return events


def _chat(index: int, delta: dict[str, str], reason: str | None, logprobs: Any = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": reason, "logprobs": logprobs}


def _text(index: int, text: str, reason: str | None, logprobs: Any = None) -> dict[str, Any]:
    return {"index": index, "text": text, "finish_reason": reason, "logprobs": logprobs}
