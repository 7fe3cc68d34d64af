"""The scores that a reward model answers with. No I/O.

Reward models such as nvidia/nemotron-4-340b-reward answer a conversation with their attributes in the place
of tokens and the scores in that of log-probabilities, and NVIDIA's servers repeat both in the text:
https://docs.nvidia.com/nim/large-language-models/latest/reward-model.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.client.lenient_json import as_float
from nemo_sdg.client.shown import shown
from nemo_sdg.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemo_sdg.client.completion import Completion

REWARD_CONFIG = GenerationConfig(max_tokens=None, n=None, seed=None, temperature=None, top_p=None)
"""How a reward model is asked: with nothing but the model and the messages, for it generates nothing."""
_NAME = re.compile(r"[^\W\d][\w .-]*")


def rewards_of(completion: Completion) -> dict[str, float]:
    """Return the score of each attribute; raises `ParseError` for the answer of another kind of model.

    A name that is there for several turns has the score of the last one.
    """
    text = completion.texts[0]
    pairs = _pairs_of(completion.logprobs[0]) if completion.logprobs else []
    scores = None if _generated(pairs, text) else _scores(pairs)
    if not scores:
        scores = _scores(pair.partition(":")[::2] for pair in text.split(","))
    if not scores:
        raise ParseError(
            f"the model {completion.model or ''} gives no scores, neither as logprobs nor as text (its "
            f"answer is {shown(text, 80)!r}): name a reward model, such as nvidia/nemotron-4-340b-reward"
        )
    return scores


def _pairs_of(logprobs: Any) -> list[tuple[Any, Any]]:
    """Return the tokens and their log-probabilities, of a chat's choice or of a text's."""
    if not isinstance(logprobs, dict):
        return []
    content = logprobs.get("content")
    if isinstance(content, list):
        return [(each.get("token"), each.get("logprob")) for each in content if isinstance(each, dict)]
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list):
        return []
    return list(zip(tokens, values, strict=False))


def _generated(pairs: list[tuple[Any, Any]], text: str) -> bool:
    """Return whether these are the tokens of `text` itself, as some servers always send them."""
    return "".join(str(token) for token, _ in pairs).strip() == text.strip() and not any(
        isinstance(value, (int, float)) and value > 0 for _, value in pairs
    )


def _scores(pairs: Iterable[tuple[Any, Any]]) -> dict[str, float] | None:
    scores: dict[str, float] = {}
    for token, value in pairs:
        name = token.strip() if isinstance(token, str) else ""
        score = as_float(value)
        if score is None or not _NAME.fullmatch(name):
            return None
        scores[name] = score
    return scores
