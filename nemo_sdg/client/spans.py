"""A span of OpenTelemetry for each request, where OTEL_EXPORTER_OTLP_ENDPOINT says that they are wanted.

Names are those of the semantic conventions for generative AI, as of 2026.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from nemo_sdg.errors import RequestError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from nemo_sdg.client.base import AsyncLLMClient
    from nemo_sdg.client.completion import Completion
    from nemo_sdg.client.question import Question, Tries

_PROVIDERS = {
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
}
_ASKED = {
    "max_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
}
_CONTENTS = ("true", "span_only", "span_and_event")
_FLUSH = 2000  # milliseconds that a worker's end may wait for a collector
_log = logging.getLogger("nemo_sdg")
_lock = threading.Lock()
_of_process: list[Spans | None] = []


def variables() -> dict[str, str]:
    """Return the environment variables that say how spans are sent; none where none are wanted."""
    return {name: os.environ[name] for name in os.environ if name.startswith("OTEL_")} if _wanted() else {}


def spans() -> Spans | None:
    """Return what records requests in this process; None where that is not wanted."""
    if not _wanted():
        return None
    with _lock:
        if not _of_process:
            try:
                from nemo_sdg.client.spans_sent import tracer  # noqa: PLC0415 - an extra
            except ImportError:
                _log.warning("OTEL_EXPORTER_OTLP_ENDPOINT needs packages: pip install 'nemo-sdg[telemetry]'")
                _of_process.append(None)
            else:
                _of_process.append(Spans(tracer()))
        return _of_process[0]


def flush_spans() -> None:
    """Send what is recorded so far, or give up after two seconds; to be called before a process may end."""
    if _of_process and _of_process[0] is not None:
        from nemo_sdg.client.spans_sent import flush  # noqa: PLC0415 - an extra

        flush(_FLUSH)


def _wanted() -> bool:
    return (
        bool(
            os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        )
        and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and "otlp" in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",")
    )


class Spans:
    """Records a request when it is over; what was said only with the standard variable that asks for it."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        capture = os.environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "")
        self._contents = capture.lower() in _CONTENTS
        self._servers: WeakKeyDictionary[AsyncLLMClient, dict[str, Any]] = WeakKeyDictionary()

    def record(
        self, client: AsyncLLMClient, question: Question, tries: Tries, outcome: Completion | BaseException
    ) -> None:
        """Record a request that `client` was let go with and that has come to `outcome` just now."""
        if tries.deadline:  # else nothing was sent
            with suppress(Exception):  # whatever it is, it must not cost an answer
                self._record(client, question, tries, outcome)

    def _record(
        self, client: AsyncLLMClient, question: Question, tries: Tries, outcome: Completion | BaseException
    ) -> None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra

        now = time.time_ns()
        begun = now - int((time.monotonic() - (tries.deadline - client.deadline)) * 1e9)
        asked, model = client, question.model
        if tries.asked is not None:
            asked, model = tries.asked.client, tries.asked.model or model
        operation = "chat" if question.conversation_formatter is None else "text_completion"
        attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.request.model": model,
            **self._server(asked),
        }
        span = self._tracer.start_span(
            f"{operation} {model}", kind=SpanKind.CLIENT, attributes=attributes, start_time=begun
        )
        if span.is_recording():
            for moment, kind, error in tries.failures or ():
                span.add_event("nemo_sdg.attempt.failed", {"nemo_sdg.verdict": kind, **_error(error)}, moment)
            came = _failed(span, outcome) if isinstance(outcome, BaseException) else _response(outcome)
            span.set_attributes(
                {
                    **_sampling(question),
                    **came,
                    **(_said(question, outcome) if self._contents else {}),
                    "nemo_sdg.attempts": tries.attempts,
                    "nemo_sdg.throttles": tries.throttles,
                }
            )
        span.end(now)

    def _server(self, client: AsyncLLMClient) -> dict[str, Any]:
        known = self._servers.get(client)
        if known is None:
            known = self._servers[client] = _server_at(client.identity[0])
        return known


def _server_at(url: str) -> dict[str, Any]:
    if "://" not in url:
        return {"gen_ai.provider.name": "openai"}
    parts = urlsplit(url)
    host = parts.hostname or ""
    azure = host.endswith(".openai.azure.com")
    return {
        "gen_ai.provider.name": "azure.ai.openai" if azure else _PROVIDERS.get(host, "openai"),
        "server.address": host,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }


def _sampling(question: Question) -> dict[str, Any]:
    config = question.config
    found = {name: getattr(config, field) for field, name in _ASKED.items()}
    if config.stop:
        found["gen_ai.request.stop_sequences"] = (
            [config.stop] if isinstance(config.stop, str) else config.stop
        )
    if config.n not in (None, 1):
        found["gen_ai.request.choice.count"] = config.n
    if config.stream:
        found["gen_ai.request.stream"] = True
    return {name: value for name, value in found.items() if value is not None}


def _response(completion: Completion) -> dict[str, Any]:
    usage = completion.usage
    counted = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.completion_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    named = {"gen_ai.response.model": completion.model, "gen_ai.response.id": completion.raw.get("id")}
    return {
        **{name: number for name, number in counted.items() if number},
        **{name: value for name, value in named.items() if isinstance(value, str)},
        "gen_ai.response.finish_reasons": [reason or "" for reason in completion.finish_reasons],
    }


def _error(error: BaseException) -> dict[str, Any]:
    status = error.status if isinstance(error, RequestError) else None
    found: dict[str, Any] = {"error.type": type(error).__name__}
    return found if status is None else {**found, "http.response.status_code": status}


def _failed(span: Span, error: BaseException) -> dict[str, Any]:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    told = str(error) if isinstance(error, RequestError) else type(error).__name__
    span.set_status(Status(StatusCode.ERROR, told))
    return _error(error)


def _said(question: Question, outcome: Completion | BaseException) -> dict[str, str]:
    found = {"gen_ai.input.messages": [_message(**message) for message in question.messages]}
    if not isinstance(outcome, BaseException):
        pairs = zip(outcome.texts, outcome.finish_reasons, strict=True)
        found["gen_ai.output.messages"] = [
            {**_message("assistant", text), "finish_reason": reason or ""} for text, reason in pairs
        ]
    return {name: json.dumps(messages, default=str) for name, messages in found.items()}


def _message(role: str = "user", content: Any = "", **_: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}
