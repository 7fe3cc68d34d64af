"""The body of a request, from messages and a generation config. No I/O."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from nemo_sdg.errors import BadRequestError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemo_sdg.client.conversation import ConversationFormatter
    from nemo_sdg.client.generation_config import GenerationConfig

_SDK_OPTIONS = ("extra_body", "extra_headers", "extra_query")
_encode = msgspec.json.Encoder().encode


class Payload(NamedTuple):
    """One request before it is sent."""

    path: str
    """Below the base URL."""
    body: dict[str, Any]
    headers: Mapping[str, str] | None = None
    query: Mapping[str, str] | None = None

    def encoded(self) -> bytes:
        """Return the body as JSON; raises `BadRequestError` for what JSON cannot say."""
        try:
            return _encode(self.body)
        except UnicodeEncodeError as error:
            raise BadRequestError(
                f"the prompt has an unpaired surrogate (U+{ord(error.object[error.start]):04X} at character "
                f"{error.start}), which is not text: clean the input",
                attempts=0,
            ) from None
        except (TypeError, RecursionError) as error:
            raise BadRequestError(f"the request cannot be written as JSON: {error}", attempts=0) from None


def build_payload(
    messages: Iterable[Mapping[str, Any]],
    model: str,
    config: GenerationConfig,
    formatter: ConversationFormatter | None = None,
) -> Payload:
    """Return the request that asks `model` for an answer to `messages`.

    Without `formatter` it goes to `/chat/completions`, with one to `/completions`.
    Follows https://platform.openai.com/docs/api-reference/chat/create.
    """
    conversation: list[Any] = messages if isinstance(messages, list) else list(messages)
    if not conversation:
        raise ConfigError("messages is empty: give at least one {'role': ..., 'content': ...}")
    if not model:
        raise ConfigError("model is empty: name the model to ask")
    body: dict[str, Any]
    if formatter is None:
        path, body = "/chat/completions", {"model": model, "messages": conversation}
    else:
        prompt = formatter.format_conversation(conversation)
        path, body = "/completions", {"model": model, "prompt": prompt}
    body.update(sampling_fields(config))
    extra = config.extra_kwargs
    if not extra:
        return Payload(path, body)
    return _with_extra(path, body, extra)


def sampling_fields(config: GenerationConfig) -> dict[str, Any]:
    """Return the request fields of `config` that differ from what a server does unasked."""
    fields: dict[str, Any] = {}
    if config.max_tokens is not None:
        fields["max_tokens"] = config.max_tokens
    if config.temperature is not None:
        fields["temperature"] = config.temperature
    if config.top_p is not None:
        fields["top_p"] = config.top_p
    if config.seed is not None:
        fields["seed"] = config.seed
    if config.n is not None and config.n != 1:
        fields["n"] = config.n
    if config.stop:
        fields["stop"] = config.stop
    if config.top_k is not None:
        fields["top_k"] = config.top_k
    if config.stream:
        fields["stream"] = True
        fields["stream_options"] = {"include_usage": True}
    return fields


def _with_extra(path: str, body: dict[str, Any], extra: Mapping[str, Any]) -> Payload:
    added = {key: value for key, value in extra.items() if key not in _SDK_OPTIONS}
    added.update(extra.get("extra_body") or {})
    overridden = sorted(key for key in added if key in body and body[key] != added[key])
    if overridden:
        warnings.warn(
            f"extra_kwargs override {', '.join(overridden)} of the generation config",
            UserWarning,
            stacklevel=4,
        )
    body.update(added)
    if "max_completion_tokens" in added:
        body.pop("max_tokens", None)  # servers refuse both names together
    return Payload(path, body, extra.get("extra_headers"), extra.get("extra_query"))
