from __future__ import annotations

import asyncio

import pytest

from nemo_sdg import AsyncOpenAIClient
from nemo_sdg.simulator.logprobs import logprobs_of

HELLO = [{"role": "user", "content": "Hello"}]


def test_shapes():
    """Tokens make up the text; each has a negative value and as many of the likeliest as are asked for."""
    chat = logprobs_of("What is it?", 2, chat=True)["content"]
    text = logprobs_of("What is it?", 2, chat=False)

    assert "".join(entry["token"] for entry in chat) == "".join(text["tokens"]) == "What is it?"
    assert [entry["logprob"] for entry in chat] == text["token_logprobs"]
    assert all(value < 0 for value in text["token_logprobs"])
    assert (
        [len(entry["top_logprobs"]) for entry in chat]
        == [len(top) for top in text["top_logprobs"]]
        == [2] * 3
    )
    assert bytes(chat[0]["bytes"]) == b"What"
    assert text["text_offset"] == [0, 4, 8]


@pytest.mark.parametrize("path", ["chat", "completions"])
def test_in_answers(simulator, path):
    """Answers have them when asked, streamed or not, and none unasked."""
    from nemo_sdg import NoFormat

    client = AsyncOpenAIClient(base_url=simulator().base_url, api_key="none")
    asked = {"logprobs": True, "top_logprobs": 1} if path == "chat" else {"logprobs": 1}
    formatter = None if path == "chat" else NoFormat()

    async def ask(**config):
        return await client.complete(HELLO, "m", formatter, config)

    async def main():
        said = [await ask(extra_kwargs=asked), await ask(extra_kwargs=asked, stream=True), await ask()]
        await client.close()
        return [completion.logprobs[0] for completion in said]

    whole, streamed, unasked = asyncio.run(main())
    assert whole == streamed
    assert whole
    assert unasked is None
