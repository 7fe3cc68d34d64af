from __future__ import annotations

import pytest
from pydantic import BaseModel

from nemo_sdg.client.vllm_sampling import STRUCTURES, structure, vllm_config
from nemo_sdg.errors import ConfigError


def test_a_generation_config():
    """The page's names become fields of a generation config; what has none there is extra."""
    config = vllm_config(
        num_generations=3,
        max_new_tokens=256,
        temperature=0.7,
        top_p=1.0,
        seed=None,
        structured_outputs={"choice": ["a"]},
        further={"min_p": 0.1, "presence_penalty": None},
    )

    assert (config.n, config.max_tokens, config.temperature, config.top_p, config.seed) == (
        3,
        256,
        0.7,
        1.0,
        None,
    )
    assert config.extra_kwargs == {"min_p": 0.1, "structured_outputs": {"choice": ["a"]}}
    assert vllm_config().extra_kwargs is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("n", "give num_generations; "),
        ("max_tokens", "give max_new_tokens; "),
        ("repetition_penality", "give repetition_penalty; "),
        ("stream", "give complete_all; "),
        ("quite_another", ""),
    ],
)
def test_unknown_names(name, hint):
    """A name that vLLM would pass over is refused, with the right one and the way around."""
    with pytest.raises(ConfigError) as refused:
        vllm_config(further={name: 1})

    assert str(refused.value).startswith(f"there is no parameter {name!r}: {hint}a request field")
    assert f"extra_body={{{name!r}: ...}}" in str(refused.value)


@pytest.mark.parametrize("wrong", [{}, {"choices": []}, "yes|no", {"json": {}, "regex": "a"}, {"json": None}])
def test_no_form(wrong):
    """`structured_outputs` that name no form, or two, are refused."""
    with pytest.raises(ConfigError, match=f"one of {', '.join(STRUCTURES)}"):
        structure(wrong)


def test_a_pydantic_model():
    """A pydantic model stands for its schema; further options stay."""

    class Grade(BaseModel):
        score: int

    asked = structure({"json": Grade, "disable_any_whitespace": True})
    assert asked == {"json": Grade.model_json_schema(), "disable_any_whitespace": True}
