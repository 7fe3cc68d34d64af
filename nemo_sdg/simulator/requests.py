"""The bodies of completion requests, read and checked."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from nemo_sdg.simulator.schemas import schema_in

MAX_CHOICES = 128
MAX_TEMPERATURE = 2


class RequestRefusedError(Exception):
    """A request that a server refuses with 400; `param` is the field at fault."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class Message(msgspec.Struct):
    """One turn of a conversation; tool calls and the like are left aside."""

    role: str
    content: str | list[dict[str, Any]] | None = None

    def text(self) -> str:
        """Return the content's text, of all parts that have some."""
        if isinstance(self.content, str):
            return self.content
        parts = (part.get("text") for part in self.content or ())
        return "\n".join(part for part in parts if isinstance(part, str))


class JsonSchema(msgspec.Struct):
    """The schema that an answer must fit."""

    name: str = ""
    schema: dict[str, Any] = {}


class ResponseFormat(msgspec.Struct):
    """The form an answer must have."""

    type: str = "text"
    json_schema: JsonSchema | None = None


class StructuredOutputs(msgspec.Struct, omit_defaults=True):
    """The form an answer must have, as vLLM's users say it: one of these."""

    json: dict[str, Any] | None = None
    choice: list[str] | None = None
    regex: str | None = None
    grammar: str | None = None


class StreamOptions(msgspec.Struct):
    """What a stream carries besides text."""

    include_usage: bool | None = None


class Sampling(msgspec.Struct, kw_only=True):
    """What both kinds of completion requests have in common."""

    model: str
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    logprobs: bool | int | None = None
    """A truth value in a chat, the number of likeliest tokens otherwise."""
    top_logprobs: int | None = None

    @property
    def stops(self) -> list[str]:
        """The stop strings, none of them empty."""
        if not self.stop:
            return []
        return [self.stop] if isinstance(self.stop, str) else [stop for stop in self.stop if stop]

    @property
    def token_limit(self) -> int | None:
        """How many tokens each choice may have; None is no limit."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def greedy(self) -> bool:
        """Whether the likeliest text is asked for, so that neither seed nor chance matters."""
        return self.temperature == 0

    def prompts(self) -> list[Prompt]:
        """Return the prompts to complete."""
        raise NotImplementedError


class Prompt(msgspec.Struct):
    """One conversation to be continued."""

    instructions: str
    """The system messages."""
    user: str
    """The last user message."""
    length: int
    """UTF-8 bytes of all messages."""
    digest: bytes
    """Tells conversations apart, whatever their JSON looked like."""
    schema: dict[str, Any] | None = None
    """The JSON schema that a user message asks in words to follow."""


class ChatRequest(Sampling, kw_only=True):
    """A body of `POST /v1/chat/completions`."""

    messages: list[Message]

    def prompts(self) -> list[Prompt]:
        """Return the one conversation."""
        user = ""
        schema: dict[str, Any] | None = None
        instructions = []
        digest = blake2b(digest_size=8)
        length = 0
        for message in self.messages:
            text = message.content if isinstance(message.content, str) else message.text()
            if message.role == "user":
                user = text
                if "JSON schema" in text:
                    schema = schema_in(text) or schema
            elif message.role in ("system", "developer"):
                instructions.append(text)
            raw = text.encode()
            length += len(raw)
            digest.update(b"%s\0%d\0" % (message.role.encode(), len(raw)))
            digest.update(raw)
            if isinstance(message.content, list):
                digest.update(msgspec.json.encode(message.content))
        return [Prompt("\n".join(instructions), user, length, digest.digest(), schema)]


class TextRequest(Sampling, kw_only=True):
    """A body of `POST /v1/completions`."""

    prompt: str | list[str]

    def prompts(self) -> list[Prompt]:
        """Return each prompt as a conversation of one user message."""
        texts = [self.prompt] if isinstance(self.prompt, str) else self.prompt
        raws = [text.encode() for text in texts]
        return [
            Prompt("", text, len(raw), blake2b(raw, digest_size=8).digest(), schema_in(text))
            for text, raw in zip(texts, raws, strict=True)
        ]


_Request = TypeVar("_Request", bound=Sampling)

_CHAT = msgspec.json.Decoder(ChatRequest)
_TEXT = msgspec.json.Decoder(TextRequest)


def read_chat(body: bytes) -> ChatRequest:
    """Read and check a chat request; raises `RequestRefusedError`."""
    request = _read(_CHAT, body)
    if not request.messages:
        raise RequestRefusedError("messages must hold at least one message.", "messages")
    return request


def read_text(body: bytes) -> TextRequest:
    """Read and check a request for text completions; raises `RequestRefusedError`."""
    request = _read(_TEXT, body)
    if not request.prompt:
        raise RequestRefusedError("prompt must not be empty.", "prompt")
    return request


def _read(decoder: msgspec.json.Decoder[_Request], body: bytes) -> _Request:
    try:
        request = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RequestRefusedError(f"The body is not a valid request: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestRefusedError(f"The body is not valid JSON: {error}") from None
    if request.temperature is not None and not 0 <= request.temperature <= MAX_TEMPERATURE:
        raise RequestRefusedError(
            f"temperature must be in [0, {MAX_TEMPERATURE}], got {request.temperature}.", "temperature"
        )
    if request.n is not None and not 1 <= request.n <= MAX_CHOICES:
        raise RequestRefusedError(f"n must be between 1 and {MAX_CHOICES}, got {request.n}.", "n")
    _check_structured(request.structured_outputs)
    for name in ("max_tokens", "max_completion_tokens"):
        value = getattr(request, name)
        if value is not None and value < 1:
            raise RequestRefusedError(f"{name} must be at least 1, got {value}.", name)
    return request


def _check_structured(asked: StructuredOutputs | None) -> None:
    if asked is None:
        return
    if (asked.json is None) == (not asked.choice):
        raise RequestRefusedError(
            "structured_outputs must hold one of json and choice; this simulated model knows no others.",
            "structured_outputs",
        )
