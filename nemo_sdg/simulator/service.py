"""The endpoint's behaviour without its connections: a request in, a reply out."""

from __future__ import annotations

import math
import random
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.admission import Admission
from nemo_sdg.simulator.completions import MODEL, body_of, complete
from nemo_sdg.simulator.errors_json import error_body
from nemo_sdg.simulator.faults import FaultDice, refusal, spoil
from nemo_sdg.simulator.reply import STREAM_TYPE, Reply
from nemo_sdg.simulator.requests import RequestRefusedError, Sampling, read_chat, read_text
from nemo_sdg.simulator.rewards import is_to_be_scored, score
from nemo_sdg.simulator.stats import Stats
from nemo_sdg.simulator.streams import events_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemo_sdg.simulator.completions import Completion
    from nemo_sdg.simulator.settings import SimulatorSettings


class Service:
    """Answers requests as the settings say, and counts them."""

    def __init__(
        self,
        settings: SimulatorSettings,
        monotonic: Callable[[], float] = time.monotonic,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        """Take the settings and the clocks, both in seconds."""
        self.stats = Stats(monotonic, unix_time)
        self._clocks = (monotonic, unix_time)
        self._started = int(unix_time())
        # A word of its own in the seed keeps it apart from the generator of faults.
        self._latencies = random.Random(f"latencies {settings.seed}")
        self._unseeded = random.Random()
        self._number = 0
        self._routes: dict[bytes, tuple[str, Callable[[bytes], Reply]]] = {
            b"/chat/completions": ("POST", self._chat),
            b"/completions": ("POST", self._text),
            b"/models": ("GET", self._models),
            b"/stats": ("GET", lambda _: Reply(200, msgspec.json.encode(self.stats.snapshot()))),
            b"/stats/reset": ("POST", self._reset_stats),
            b"/control": ("POST", self._control),
            b"/health": ("GET", lambda _: Reply(200, b'{"status":"ok"}')),
        }
        self._routes |= {b"/v1" + path: route for path, route in self._routes.items()}
        self.apply(settings)

    def apply(self, settings: SimulatorSettings) -> None:
        """Go on with other settings: buckets are full again, and faults start their sequence anew."""
        self.settings = settings
        self._admission = Admission(settings.limits, *self._clocks)
        self._dice = FaultDice(settings.faults, settings.seed)
        self._answered = 0

    def handle(self, method: str, target: bytes, authorization: str | None, body: bytes) -> Reply:
        """Answer one request; `finished` must be called with the reply when it has been dealt with."""
        path = target.partition(b"?")[0] if b"?" in target else target
        route = self._routes.get(path)
        if route is None:
            return self._elsewhere(method, path, authorization)
        if method != route[0]:
            return _not_allowed(method, route[0])
        if not path.endswith((b"/completions", b"/models")):
            return route[1](body)
        if path.endswith(b"/models"):
            return self._unauthorized(authorization) or route[1](body)
        self.stats.arrive()
        self._number += 1
        reply = self._unauthorized(authorization) or route[1](body)
        reply.counted = True
        reply.headers += f"x-request-id: sim-{self._number}\r\n"
        return reply

    def finished(self, reply: Reply, *, written: bool) -> None:
        """Count a reply that was sent in full, or that never will be."""
        if reply.counted:
            self._answered += written and reply.status == HTTPStatus.OK
            self.stats.leave(reply, written=written)

    def _unauthorized(self, authorization: str | None) -> Reply | None:
        keys, after = self.settings.api_keys, self.settings.faults.unauthorized_after
        if keys is not None:
            scheme, _, key = (authorization or "").partition(" ")
            if scheme.lower() != "bearer" or key.strip() not in keys:
                return _wrong_key("Incorrect" if authorization else "No")
        if after is not None and self._answered >= after:
            reply = _wrong_key("Incorrect")
            reply.fault = "unauthorized_after"
            return reply
        return None

    def _chat(self, body: bytes) -> Reply:
        return self._complete(read_chat, body)

    def _text(self, body: bytes) -> Reply:
        return self._complete(read_text, body)

    def _complete(self, read: Callable[[bytes], Sampling], body: bytes) -> Reply:
        reply = self._decide(read, body)
        if not self._admission.unlimited:
            reply.headers += self._admission.headers()
        return reply

    def _decide(self, read: Callable[[bytes], Sampling], body: bytes) -> Reply:
        try:
            request = read(body)
        except RequestRefusedError as error:
            return Reply(400, error_body(str(error), "BadRequestError", 400, error.param))
        if self.settings.models is not None and request.model not in self.settings.models:
            return _no_model(request.model)
        if self.settings.max_model_len is not None:
            too_long = _too_long(request, self.settings.max_model_len)
            if too_long is not None:
                return too_long
        answers, form = self.settings.answers, request.response_format
        if answers.response_format == "refused" and form is not None and form.type != "text":
            message = "This response_format type is unavailable now"
            return Reply(400, error_body(message, "invalid_request_error", "invalid_request_error"))
        made = score if is_to_be_scored(request) else complete
        try:
            completion = made(request, self._number, self._unseeded.getrandbits(63), answers)
        except RequestRefusedError as error:
            return Reply(400, error_body(str(error), "BadRequestError", 400, error.param))
        admission = self._admission
        if not admission.unlimited:
            throttled = admission.admit(completion.usage.total_tokens, self.stats.concurrency)
            if throttled is not None:
                body = error_body(throttled.message, throttled.kind, "rate_limit_exceeded")
                return Reply(429, body, headers=admission.retry_headers(throttled))
        fault = self._dice.throw()
        return (fault and refusal(fault)) or self._answer(request, completion, fault)

    def _answer(self, request: Sampling, completion: Completion, fault: str | None) -> Reply:
        refused = fault == "null_content"
        if request.stream:
            options = request.stream_options
            usage = options is not None and bool(options.include_usage)
            events = events_of(completion, include_usage=usage, refused=refused)
            reply = Reply(200, b"", content_type=STREAM_TYPE, chunks=events)
        else:
            reply = Reply(200, body_of(completion, refused=refused))
        reply.delay = self._delay()
        reply.usage = completion.usage
        reply.choices = len(completion.choices)
        reply.fingerprint = completion.fingerprint
        if fault:
            spoil(reply, fault, self.settings.faults.drip_seconds)
        return reply

    def _delay(self) -> float:
        latency = self.settings.latency
        delay = latency.median
        if not delay:
            return 0.0
        if latency.sigma:
            delay *= math.exp(self._latencies.gauss(0.0, latency.sigma))
        if latency.capacity is not None and self.stats.concurrency > latency.capacity:
            delay *= self.stats.concurrency / latency.capacity
        return delay

    def _model(self, name: str) -> dict[str, object]:
        length = self.settings.max_model_len
        known = {} if length is None else {"max_model_len": length}
        return {"id": name, "object": "model", "created": self._started, "owned_by": MODEL, **known}

    def _models(self, _: bytes) -> Reply:
        names = (MODEL,) if self.settings.models is None else self.settings.models
        data = [self._model(name) for name in names]
        return Reply(200, msgspec.json.encode({"object": "list", "data": data}))

    def _elsewhere(self, method: str, path: bytes, authorization: str | None) -> Reply:
        """Answer for one model, whose name is a part of the path, or for a path that leads nowhere."""
        short = path.removeprefix(b"/v1")
        if not short.startswith(b"/models/"):
            message = f"Invalid URL ({method} {path.decode('ascii', 'replace')})"
            return Reply(404, error_body(message, "invalid_request_error", None))
        if method != "GET":
            return _not_allowed(method, "GET")
        name = unquote(short.removeprefix(b"/models/").decode(errors="replace"))
        known = self.settings.models is None or name in self.settings.models
        found = Reply(200, msgspec.json.encode(self._model(name))) if known else _no_model(name)
        return self._unauthorized(authorization) or found

    def _reset_stats(self, _: bytes) -> Reply:
        self.stats.reset()
        return Reply(200, b"{}")

    def _control(self, body: bytes) -> Reply:
        try:
            self.apply(self.settings.changed(body))
        except ConfigError as error:
            return Reply(400, error_body(str(error), "invalid_request_error", None))
        settings = self.settings
        shown = {"latency": settings.latency, "limits": settings.limits, "faults": settings.faults}
        return Reply(200, msgspec.json.encode(shown))


def _too_long(request: Sampling, most: int) -> Reply | None:
    """Refuse what cannot fit; let an answer have what the prompt leaves."""
    prompt = max((prompt.length + 3) // 4 for prompt in request.prompts())
    limit = request.token_limit
    if limit is not None and limit > most:
        message = f"max_tokens={limit} cannot be greater than max_model_len={most}."
        return Reply(400, error_body(message, "BadRequestError", 400, "max_tokens"))
    if prompt >= most:
        message = (
            f"This model's maximum context length is {most} tokens. However, your prompt contains at least "
            f"{prompt} input tokens. Please reduce the length of the input prompt."
        )
        return Reply(400, error_body(message, "BadRequestError", 400, "input_tokens"))
    request.max_tokens = most - prompt if limit is None else min(limit, most - prompt)
    request.max_completion_tokens = None
    return None


def _not_allowed(method: str, allowed: str) -> Reply:
    body = error_body(f"Method {method} is not allowed here; use {allowed}.", "invalid_request_error", None)
    return Reply(405, body, headers=f"allow: {allowed}\r\n")


def _wrong_key(what: str) -> Reply:
    # The key itself is not repeated: errors end up in logs.
    body = error_body(f"{what} API key provided.", "invalid_request_error", "invalid_api_key")
    return Reply(401, body, headers="www-authenticate: Bearer\r\n")


def _no_model(name: str) -> Reply:
    message = f"The model `{name}` does not exist."
    return Reply(404, error_body(message, "NotFoundError", "model_not_found", "model"))
