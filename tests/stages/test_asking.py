from __future__ import annotations

import asyncio
import json

import pyarrow as pa
import pytest
from ray import cloudpickle

from nemo_sdg import (
    AsyncOpenAIClient,
    HuggingFaceFormatter,
    InstructFormatter,
    LLMGenerationStage,
    NoFormat,
    RewardStage,
)
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.errors import ConfigError
from nemo_sdg.stages import MemoryLedger
from nemo_sdg.stages.rows import split_rejected

USER = {"role": "user", "content": "Say something in French."}
ANSWER = {"role": "assistant", "content": "Bonjour."}


def table(*conversations):
    """Return rows with these conversations."""
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    return pa.table(
        {
            "row_id": pa.array(range(len(conversations)), pa.int64()),
            "messages": pa.array(conversations, kind),
        }
    )


def process(stage, batch, ledger=None):
    """Return the rows that a stage makes, and its rejections."""

    async def main():
        try:
            return split_rejected(await stage.process_paid(batch, ledger or MemoryLedger()))
        finally:
            await stage.close_paid()

    return asyncio.run(main())


@pytest.fixture
def client(simulator):
    """Return a client and the simulated endpoint that it asks."""
    server = simulator()
    return AsyncOpenAIClient(base_url=server.base_url, api_key="none"), server


def test_the_wrong_order_of_roles_costs_its_own_row(client):
    """A conversation that cannot be formatted is rejected unasked with the turn; the others are asked."""
    asking, server = client
    stage = LLMGenerationStage(asking, "m", conversation_formatter=InstructFormatter("mistral"))
    made, rejected = process(stage, table([USER], [USER, USER], [USER, ANSWER, USER], [ANSWER]))

    assert made["row_id"].to_pylist() == [0, 2]
    assert [(each.row_id, each.error) for each in rejected] == [(1, "TemplateError"), (3, "TemplateError")]
    assert "turn 2 of 2 (role 'user', content 'Say something in French.')" in rejected[0].message
    assert server.stats()["requests"] == 2


def test_other_formats_are_other_questions(client):
    """An answer to one format is not taken for an answer to another; to the same one it is."""
    asking, server = client
    ledger = MemoryLedger()
    for formatter in (None, NoFormat(), InstructFormatter("chatml"), InstructFormatter("alpaca")):
        for _ in range(2):
            process(LLMGenerationStage(asking, "m", conversation_formatter=formatter), table([USER]), ledger)

    assert server.stats()["requests"] == len(ledger.completions) == 4


def test_formatters_reach_workers(client, tmp_path):
    """A stage with a Hugging Face template works after pickling, without the tokenizer's files."""
    config = {"chat_template": "{{ bos_token }}{{ messages[-1].content }}", "bos_token": "<s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    formatter = HuggingFaceFormatter(tmp_path)
    stage = LLMGenerationStage(client[0], "m", conversation_formatter=formatter)
    process(stage, table([USER]))
    (tmp_path / "tokenizer_config.json").unlink()
    there = cloudpickle.loads(cloudpickle.dumps(stage))

    assert process(there, table([USER]))[0].num_rows == 1
    assert there.settings() == stage.settings()
    assert json.dumps(stage.settings()["conversation_formatter"]).startswith('"HuggingFaceFormatter ')


def test_one_that_ends_the_job_stops_the_others(simulator):
    """What no request can succeed after stops the limiters of the stage's client, whatever the stage."""
    server = simulator(api_keys={"right"})
    for kind in (LLMGenerationStage, RewardStage):
        asking = AsyncOpenAIClient(base_url=server.base_url, api_key="wrong", max_concurrent_requests=1)
        stage = kind(asking, "reward", **({"answer": None} if kind is RewardStage else {}))
        server.reset_stats()
        with pytest.raises(Exception, match="API key"):
            process(stage, table(*[[USER, ANSWER]] * 50))
        assert server.stats()["requests"] < 50


def test_what_is_asked(client):
    """It has its client's places, limits and environment, and refuses what is no client, or no model."""
    asking, _ = client
    stage = RewardStage(asking, "m")

    assert stage.most_in_flight == asking.max_concurrent_requests
    assert stage.limiters == asking.limiters("m")
    assert stage.environment == asking.environment
    assert isinstance(stage.client, AsyncLLMClient)
    for arguments in ((None, "m"), (asking, None)):
        with pytest.raises(ConfigError, match=r"give an AsyncOpenAIClient|name the model"):
            RewardStage(*arguments)
