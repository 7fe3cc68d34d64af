"""A completion from the body of a successful answer, whole or streamed. No I/O."""

from __future__ import annotations

from types import NoneType
from typing import Any

import msgspec

from nemo_sdg.client.completion import NO_USAGE, Completion, Usage
from nemo_sdg.client.error_in_answer import error_in
from nemo_sdg.client.lenient_json import decode_leniently, has_surrogates, paired
from nemo_sdg.client.shown import LOOK, shown
from nemo_sdg.errors import BadAnswerError

_decode = msgspec.json.Decoder().decode
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # the last one for nesting without end
_NOT_EVEN_LENIENTLY = (ValueError, RecursionError)
_OTHER = "check that the endpoint is one of OpenAI's kind"
_SHOWN = 120  # characters of a bad body to show
_DIGITS = 12
_MOST_TOKENS = 10**9  # a count above this is none, and the columns of a table do not hold any number


def read_answer(body: bytes, content_type: str = "application/json", choices: int = 1) -> Completion:
    """Return the completion that `body` holds.

    `choices` are those asked for: a stream that ends without saying so must have as many.
    Raises `BadAnswerError` when it holds none: not JSON, cut off, no choices, or of other types; when it
    holds an error instead, the `RequestError` which that is, `ServerError` if it does not say.
    """
    if content_type.startswith("text/event-stream"):
        return completion_from(_join_events(body, choices))
    try:
        decoded = _decode(body)
    except _NOT_JSON as error:
        if body.startswith((b"data:", b":", b"event:")):  # a stream, whatever its type says
            return completion_from(_join_events(body, choices))
        try:
            decoded = paired(decode_leniently(body))
        except _NOT_EVEN_LENIENTLY:
            raise _no_json(body, content_type, error) from None
    return completion_from(decoded)


def completion_from(decoded: Any) -> Completion:
    """Return the completion of a decoded body; raises `BadAnswerError` when it is none."""
    if not isinstance(decoded, dict):
        raise BadAnswerError(
            f"the answer is a JSON {type(decoded).__name__}, not an object with choices: {_OTHER}"
        )
    choices = decoded.get("choices")
    if not isinstance(choices, list) or not choices:
        error = error_in(decoded)
        if error is not None:
            raise error
        raise BadAnswerError(f"the answer has no choices: {decoded!r:.200}: {_OTHER}")
    if len(choices) > 1:
        choices = sorted(choices, key=_index)
    texts: list[str] = []
    reasons: list[str | None] = []
    reasoning: list[str | None] = []
    logprobs: list[Any] = []
    for choice in choices:
        text, thought = _texts_of(choice)
        texts.append(text)
        reasoning.append(thought)
        reason = choice.get("finish_reason")
        reasons.append(reason if isinstance(reason, str) else None)
        logprobs.append(choice.get("logprobs"))
    model, identity = decoded.get("model"), decoded.get("id")
    return Completion(
        texts,
        reasons,
        _usage_of(decoded.get("usage")),
        reasoning,
        logprobs,
        model if isinstance(model, str) else None,
        identity if isinstance(identity, str) else None,
        raw=decoded,
    )


def _no_json(body: bytes, content_type: str, error: Exception) -> BadAnswerError:
    if not body:
        return BadAnswerError(f"the answer is empty: {LOOK}")
    kind = shown(content_type, 60) or "of no type"
    if b"<html" in body[:1000].lower():
        advice = "it is a web page: check base_url, which mostly ends in /v1, and the proxies between"
    else:
        advice = LOOK
    return BadAnswerError(
        f"the answer is not whole JSON ({shown(error)}); it is {kind} and begins {_beginning(body)}: {advice}"
    )


def _texts_of(choice: Any) -> tuple[str, str | None]:
    if not isinstance(choice, dict):
        raise BadAnswerError(f"a choice is {choice!r:.80}, not an object: {_OTHER}")
    message = choice.get("message")
    if isinstance(message, dict):
        content = message.get("content")
        thought = message.get("reasoning_content") or message.get("reasoning")
    else:
        content, thought = choice.get("text"), None
        if message is not None or "text" not in choice:
            raise BadAnswerError(f"a choice has neither a message nor a text: {choice!r:.120}: {_OTHER}")
    if content is None:
        content = ""
    elif isinstance(content, list):  # content parts
        texts = (part.get("text") for part in content if isinstance(part, dict))
        content = "".join(text for text in texts if isinstance(text, str))
    elif not isinstance(content, str):
        raise BadAnswerError(f"a choice's content is {content!r:.80}, not text: {_OTHER}")
    return content, thought if isinstance(thought, str) else None


def _index(choice: Any) -> int:
    index = choice.get("index") if isinstance(choice, dict) else None
    return index if isinstance(index, int) else 0


def _usage_of(usage: Any) -> Usage:
    if not isinstance(usage, dict):
        return NO_USAGE
    of_completion = usage.get("completion_tokens_details")
    of_prompt = usage.get("prompt_tokens_details")
    return Usage(
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        _count(of_completion.get("reasoning_tokens")) if isinstance(of_completion, dict) else 0,
        _count(of_prompt.get("cached_tokens")) if isinstance(of_prompt, dict) else 0,
    )


def _count(value: Any) -> int:
    text = isinstance(value, str) and len(value) < _DIGITS and value.isascii() and value.isdigit()
    if text or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return value if type(value) is int and 0 < value <= _MOST_TOKENS else 0


def _beginning(body: bytes) -> str:
    return repr(body[:_SHOWN].decode("utf-8", "replace")) + ("..." if len(body) > _SHOWN else "")


def _join_events(body: bytes, expected: int) -> dict[str, Any]:
    """Put the chunks of a server-sent event stream together into the body of an unstreamed answer."""
    joined: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    done = False
    for line in body.splitlines():
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if not data:
            continue
        if data == b"[DONE]":
            done = True
            break
        chunk = _read_chunk(data)
        for delta in chunk.pop("choices", None) or ():
            _add_delta(choices.setdefault(_index(delta), {"index": _index(delta)}), delta)
        joined.update({key: value for key, value in chunk.items() if value is not None})
    ended = [choice for choice in choices.values() if choice.get("finish_reason")]
    if not done and (len(ended) < len(choices) or len(ended) < expected):
        raise BadAnswerError(f"the stream ended before the answer was whole: {LOOK}")
    joined["choices"] = list(choices.values())
    if has_surrogates(body):  # the halves of a pair may have come apart
        joined = paired(joined)
    return joined


def _read_chunk(data: bytes) -> dict[str, Any]:
    try:
        chunk = _decode(data)
    except _NOT_JSON as error:
        try:
            chunk = decode_leniently(data)
        except _NOT_EVEN_LENIENTLY:
            raise BadAnswerError(
                f"the stream has an event that is not JSON ({shown(error)}): {_beginning(data)}: {LOOK}"
            ) from None
    if not isinstance(chunk, dict):
        raise BadAnswerError(f"the stream has an event that is {chunk!r:.80}, not an object: {_OTHER}")
    failure = error_in(chunk)
    if failure is not None:
        raise failure  # what came before it is a part of an answer
    if not isinstance(chunk.get("choices"), (list, NoneType)):
        raise BadAnswerError(
            f"the stream has choices that are {chunk['choices']!r:.80}, not a list: {_OTHER}"
        )
    return chunk


def _add_delta(choice: dict[str, Any], delta: Any) -> None:
    if not isinstance(delta, dict):
        raise BadAnswerError(f"the stream has a choice that is {delta!r:.80}, not an object: {_OTHER}")
    for key, value in delta.items():
        if key in ("delta", "logprobs") and isinstance(value, dict):
            pieces = _object_in(choice, "message" if key == "delta" else key)
            for name, piece in value.items():
                _append(pieces, name, piece)
        elif key == "text":
            _append(choice, key, value)
        elif value is not None:
            choice[key] = value


def _object_in(choice: dict[str, Any], key: str) -> dict[str, Any]:
    held = choice.get(key)
    if not isinstance(held, dict):
        held = choice[key] = {}
    return held


def _append(into: dict[str, Any], name: str, piece: Any) -> None:
    held: Any = into.get(name)
    texts = isinstance(held, str) and isinstance(piece, str)
    lists = isinstance(held, list) and isinstance(piece, list)
    if (texts or lists) and name not in ("role", "id", "type"):
        into[name] = held + piece
    elif piece is not None or name not in into:
        into[name] = piece
