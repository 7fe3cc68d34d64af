"""Asking for a transformation."""

from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest

from nemo_sdg import AsyncOpenAIClient, GenerationConfig
from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.rows import split_rejected
from nemo_sdg.stages.token_counter import token_counter
from nemo_sdg.stages.transform import STAGES, DistillStage, DiverseQAStage, WikipediaParaphrasingStage


def client(url="http://127.0.0.1:9/v1"):
    """Return a client."""
    return AsyncOpenAIClient(base_url=url, api_key="none")


@pytest.mark.parametrize("name", STAGES)
def test_a_request(name):
    """A request has the system prompt and the prompt with the text in it, braces and all."""
    stage = STAGES[name](client(), "m")
    text = 'A text with {braces}, {text} and {"json": 1}.'
    system, user = stage.messages_for({"text": f" {text}\n"})

    assert system == {"role": "system", "content": stage.transformation.system_prompt}
    assert user["role"] == "user"
    assert user["content"].endswith(f"Text:\n{text}")


def test_sampling():
    """Sampling is as published, each transformation with its own max_tokens, unless one says otherwise."""
    assert DiverseQAStage(client(), "m").generation_config == GenerationConfig(
        temperature=0.5, top_p=0.9, max_tokens=600
    )
    assert DistillStage(client(), "m").generation_config.max_tokens == 1600
    changed = DistillStage(client(), "m", generation_config={"temperature": 1.0}).generation_config
    assert (changed.temperature, changed.top_p, changed.max_tokens, changed.stop) == (1.0, 0.9, 1600, None)
    own = GenerationConfig(max_tokens=7)
    assert DistillStage(client(), "m", generation_config=own).generation_config is own


def test_prompt_tokens():
    """What a request takes besides its text is counted in the prompt as it is sent, without placeholder."""
    stage = DistillStage(client(), "m", prompt="{text}", system_prompt="")
    assert stage.prompt_tokens() == 8

    longer = DistillStage(client(), "m")
    text = "The text is this one, and no other."
    whole = sum(
        token_counter().counts([message["content"] for message in longer.messages_for({"text": text})])
    )
    assert 0 <= longer.prompt_tokens() + token_counter().counts([text])[0] - whole <= 17


def test_columns(simulator):
    """Answers come under the transformation's name, or without one; the text's column stays."""
    url = simulator().base_url
    batch = pa.table({"row_id": [0, 1], "text": ["Some text.", "  "]})
    made, [rejection] = split_rejected(asyncio.run(DiverseQAStage(client(url), "m").process(batch)))

    assert made["text"].to_pylist() == ["Some text."]
    assert made["diverse_qa_text"].to_pylist()[0].startswith("Question: ")
    assert (rejection.row_id, rejection.attempts) == (1, None)

    other = asyncio.run(
        DiverseQAStage(client(url), "m", column="body", prefix="").process(
            batch.rename_columns(["row_id", "body"])
        )
    )
    assert "text" in other.column_names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": "Rewrite it"}, "prompt has no {text}: write {text} where"),
        ({"prompt": "{text} {url}"}, "prompt has {text} and {url}"),
        ({"prefix": ""}, "would take the place of the column 'text'"),
        ({"system_prompt": 3}, "system_prompt is 3"),
        ({"column": ""}, "column is ''"),
        ({"generation_config": {"temp": 1}}, "has no 'temp'"),
    ],
)
def test_refused(arguments, message):
    """Arguments of no use are refused with what to do."""
    with pytest.raises(ConfigError, match=message):
        WikipediaParaphrasingStage(client(), "m", **arguments)
