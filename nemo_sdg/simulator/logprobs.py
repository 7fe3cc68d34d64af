"""Log-probabilities of made-up tokens, in the two shapes that servers send."""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import Any

_LENGTH = 4  # characters of a token


def logprobs_of(text: str, top: int, *, chat: bool) -> dict[str, Any]:
    """Return those of the tokens of `text`, with the `top` likeliest for each: itself and made-up ones."""
    dice = random.Random(blake2b(text.encode(), digest_size=8).digest())
    tokens = [text[place : place + _LENGTH] for place in range(0, len(text), _LENGTH)]
    values = [round(-dice.expovariate(1.0), 6) for _ in tokens]
    tops = [_top(token, value, top) for token, value in zip(tokens, values, strict=True)]
    if chat:
        pairs = zip(tokens, values, tops, strict=True)
        return {
            "content": [
                {**_entry(token, value), "top_logprobs": [_entry(*other) for other in others.items()]}
                for token, value, others in pairs
            ]
        }
    offsets = list(range(0, len(text), _LENGTH))
    return {"tokens": tokens, "token_logprobs": values, "top_logprobs": tops, "text_offset": offsets}


def _top(token: str, value: float, top: int) -> dict[str, float]:
    return {token if rank == 0 else f" {rank}": round(value - rank, 6) for rank in range(top)}


def _entry(token: str, value: float) -> dict[str, Any]:
    return {"token": token, "logprob": value, "bytes": list(token.encode())}
