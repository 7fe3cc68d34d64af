"""What a simulated reward model answers: scores in the place of tokens and log-probabilities.

In the shape of nvidia/nemotron-4-340b-reward at NVIDIA's endpoints.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from nemo_sdg.simulator.completions import MODEL, complete
from nemo_sdg.simulator.requests import ChatRequest, RequestRefusedError

if TYPE_CHECKING:
    from nemo_sdg.simulator.completions import Completion
    from nemo_sdg.simulator.manners import Answers
    from nemo_sdg.simulator.requests import Sampling

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
_HIGHEST, _STEPS = 4.0, 128  # scores are from 0 to 4, in the steps of a model's bfloat16


def is_to_be_scored(request: Sampling) -> bool:
    """Return whether a score is asked for: by the model's name, or where the simulated one has answered."""
    if "reward" in request.model.lower():
        return True
    ended = isinstance(request, ChatRequest) and request.messages[-1].role == "assistant"
    return ended and request.model == MODEL


def score(request: Sampling, number: int, random_seed: int, answers: Answers) -> Completion:
    """Score a conversation; the same one always alike. Raises `RequestRefusedError` when it has no answer."""
    if isinstance(request, ChatRequest) and request.messages[-1].role != "assistant":
        raise RequestRefusedError("The last message must be the assistant's, which is scored.", "messages")
    completion = complete(request, number, random_seed, answers)
    for prompt, choice in zip(request.prompts(), completion.choices, strict=False):
        scores = {name: _score(prompt.digest, name) for name in ATTRIBUTES}
        choice.text = ",".join(f"{name}:{value}" for name, value in scores.items())
        choice.finish_reason, choice.reasoning = "stop", None
        choice.logprobs = (
            {"content": [_token(name, value) for name, value in scores.items()]}
            if completion.chat
            else {"tokens": list(scores), "token_logprobs": list(scores.values())}
        )
    usage = completion.usage
    usage.completion_tokens = len(ATTRIBUTES)
    usage.total_tokens = usage.prompt_tokens + usage.completion_tokens
    usage.completion_tokens_details = None
    return completion


def _score(digest: bytes, name: str) -> float:
    drawn = int.from_bytes(blake2b(digest + name.encode(), digest_size=4).digest(), "big")
    return drawn % (int(_HIGHEST) * _STEPS + 1) / _STEPS


def _token(name: str, value: float) -> dict[str, object]:
    return {"token": name, "bytes": None, "logprob": value, "top_logprobs": []}
