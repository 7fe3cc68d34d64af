"""Which requests go wrong, and what wrong answers look like."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING, cast

from nemo_sdg.simulator.errors_json import error_body
from nemo_sdg.simulator.reply import JSON_TYPE, Manner, Reply
from nemo_sdg.simulator.settings import SHARES

if TYPE_CHECKING:
    from nemo_sdg.simulator.settings import Faults

# What a server says at the door, before it works on the request.
_REFUSALS = {
    "error_503": (503, "The server is overloaded. Please try again later.", "service_unavailable", None),
    "error_529": (529, "Overloaded", "overloaded_error", None),
    "quota_exhausted": (
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
}

_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"

_WRONG_TYPES = (
    b'{"id":7,"object":"chat.completion","created":"today","model":null,"choices":'
    b'[{"index":"first","message":{"role":"assistant","content":42},"finish_reason":[]}],"usage":"much"}'
)


class FaultDice:
    """Throws for each admitted request, from a seeded generator."""

    def __init__(self, faults: Faults, seed: int) -> None:
        """Start the sequence that belongs to the seed."""
        self._faults = faults
        # A word of its own in the seed keeps it apart from the generator of latencies.
        self._random = random.Random(f"faults {seed}")
        names = [name for name in SHARES if getattr(faults, name) > 0]
        self._bounds = list(zip(accumulate(getattr(faults, name) for name in names), names, strict=True))

    def throw(self) -> str | None:
        """Return the fault that the next request meets, or None."""
        if not self._bounds:
            return None
        value = self._random.random()
        return next((name for bound, name in self._bounds if value < bound), None)


def refusal(fault: str) -> Reply | None:
    """Return the answer to a fault that needs no work on the request, or None for other faults."""
    if fault not in _REFUSALS:
        return None
    status, message, kind, code = _REFUSALS[fault]
    return Reply(status, error_body(message, kind, code), fault=fault)


def spoil(reply: Reply, fault: str, drip_seconds: float) -> None:
    """Turn a good answer into what the fault makes of it; `null_content` is left to the caller."""
    reply.fault = fault
    if fault == "slow_drip":
        reply.manner, reply.drip_seconds = "drip", drip_seconds
        return
    if fault == "null_content":
        return
    # Nobody can use what is left, so nobody pays.
    reply.usage = None
    if fault in ("reset", "reset_mid_body", "hang"):
        reply.manner = cast("Manner", fault)
    elif fault == "error_500":
        message = "The server had an error while processing your request."
        _replace(reply, error_body(message, "server_error", None))
        reply.status = 500
    elif fault == "html_page":
        _replace(reply, _PAGE)
        reply.content_type = "text/html; charset=utf-8"
    elif fault == "wrong_types":
        _replace(reply, _WRONG_TYPES)
    elif fault == "empty_choices":
        _replace(
            reply, b'{"id":"sim","object":"chat.completion","created":0,"model":"simulated","choices":[]}'
        )
    else:
        _damage(reply, fault)


def _replace(reply: Reply, body: bytes) -> None:
    reply.body, reply.chunks, reply.content_type = body, None, JSON_TYPE


def _damage(reply: Reply, fault: str) -> None:
    """Cut the answer in the middle, or put bytes into its text that no UTF-8 holds."""
    if fault == "truncated_json":
        if reply.chunks is None:
            reply.body = reply.body[: len(reply.body) // 2]
        else:
            reply.chunks = reply.chunks[: len(reply.chunks) // 2]
    elif reply.chunks is None:
        reply.body = _invalid(reply.body)
    else:
        reply.chunks = [_invalid(chunk) for chunk in reply.chunks]


def _invalid(body: bytes) -> bytes:
    for key in (b'"content":"', b'"text":"'):
        body = body.replace(key, key + b"\xff\xfe\xc3\x28")
    return body
