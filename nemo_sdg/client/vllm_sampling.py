"""Sampling parameters by the names that vLLM's users know, as a generation config. No I/O."""

from __future__ import annotations

import difflib
from typing import Any

from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.errors import ConfigError

STRUCTURES = ("json", "regex", "choice", "grammar", "json_object", "structural_tag")
"""What `structured_outputs` holds one of."""
FURTHER = (
    "add_special_tokens",
    "allowed_token_ids",
    "bad_words",
    "cache_salt",
    "chat_template_kwargs",
    "extra_body",
    "extra_headers",
    "extra_query",
    "frequency_penalty",
    "ignore_eos",
    "include_stop_str_in_output",
    "length_penalty",
    "logit_bias",
    "logprobs",
    "min_p",
    "min_tokens",
    "presence_penalty",
    "priority",
    "prompt_logprobs",
    "repetition_penalty",
    "response_format",
    "skip_special_tokens",
    "spaces_between_special_tokens",
    "stop_token_ids",
    "thinking_token_budget",
    "top_logprobs",
    "truncate_prompt_tokens",
    "use_beam_search",
)
"""Request fields that are sent as they are. vLLM passes over what it does not know, so names are checked."""
_OTHER_NAMES = {"n": "num_generations", "max_tokens": "max_new_tokens", "stream": "complete_all"}


def vllm_config(
    *,
    num_generations: int = 1,
    max_new_tokens: int | None = 128,
    structured_outputs: dict[str, Any] | None = None,
    further: dict[str, Any] | None = None,
    **sampling: Any,
) -> GenerationConfig:
    """Return the config; `sampling` are fields of `GenerationConfig`, `further` request fields of vLLM.

    None leaves a parameter out of the request. Raises `ConfigError` for a name that vLLM would pass over.
    """
    extra = {name: value for name, value in (further or {}).items() if value is not None}
    unknown = sorted(set(further or {}) - set(FURTHER))
    if unknown:
        raise ConfigError(f"there is no parameter {unknown[0]!r}: {_advice(unknown[0])}")
    if structured_outputs is not None:
        extra["structured_outputs"] = structure(structured_outputs)
    return GenerationConfig(
        n=num_generations, max_tokens=max_new_tokens, extra_kwargs=extra or None, **sampling
    )


def structure(asked: Any) -> dict[str, Any]:
    """Return `structured_outputs` as vLLM takes it: a pydantic model in it becomes its JSON schema.

    Raises `ConfigError` unless it names one form.
    """
    named = [name for name in STRUCTURES if isinstance(asked, dict) and asked.get(name) is not None]
    if len(named) != 1:
        raise ConfigError(
            f"structured_outputs is {asked!r:.120}: give a dict with one of {', '.join(STRUCTURES)}, as in "
            "{'choice': ['yes', 'no']}"
        )
    schema = getattr(asked.get("json"), "model_json_schema", None)
    return {**asked, "json": schema()} if callable(schema) else dict(asked)


def _advice(name: str) -> str:
    ours = _OTHER_NAMES.get(name)
    if ours is None:
        known = [*FURTHER, "max_new_tokens", "num_generations", "structured_outputs", "temperature"]
        ours = next(iter(difflib.get_close_matches(name, known, n=1)), None)
    hint = f"give {ours}; " if ours else ""
    return f"{hint}a request field that is not known here goes into extra_body={{{name!r}: ...}}"
