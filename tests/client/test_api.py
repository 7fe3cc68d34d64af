from __future__ import annotations

import inspect
from pathlib import Path

import nemo_sdg.client
from nemo_sdg.client import AsyncLLMClient, AsyncOpenAIClient, LLMClient, OpenAIClient
from nemo_sdg.client.flat import NOT_GIVEN

FLAT = ["max_tokens", "n", "seed", "stop", "stream", "temperature", "top_k", "top_p"]
ARGUMENTS = ["self", "messages", "model", "conversation_formatter", "generation_config"]


def test_all_is_what_is_public():
    """`__all__` names exactly the public names of the package that are no modules."""
    modules = {path.stem for path in Path(nemo_sdg.client.__file__).parent.glob("*.py")}
    public = {name for name in vars(nemo_sdg.client) if not name.startswith("_")}

    assert set(nemo_sdg.client.__all__) == public - modules - {"annotations"}


def test_interfaces_are_as_documented():
    """The classes take the documented arguments, in their order and with their defaults."""
    parameters = inspect.signature(AsyncLLMClient.__init__).parameters
    options = {name: p.default for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD}

    assert options == {
        "self": inspect.Parameter.empty,
        "max_concurrent_requests": 5,
        "max_retries": 3,
        "base_delay": 1.0,
    }
    for function in (
        LLMClient.query_model,
        AsyncLLMClient.query_model,
        AsyncLLMClient._query_model_impl,
        AsyncOpenAIClient.query_model,
        OpenAIClient.query_model,
    ):
        signature = inspect.signature(function).parameters
        flat = [] if function is AsyncLLMClient._query_model_impl else FLAT
        assert list(signature) == [*ARGUMENTS, *flat]
        assert [signature[name].default for name in ARGUMENTS[3:]] == [None, None]
        assert {signature[name].default for name in flat} <= {NOT_GIVEN}
    for client in (LLMClient, AsyncLLMClient, OpenAIClient, AsyncOpenAIClient):
        signature = inspect.signature(client.query_reward_model).parameters
        assert list(signature) == ["self", "messages", "model", "conversation_formatter"]
        assert {signature[name].kind for name in ("messages", "model")} == {inspect.Parameter.KEYWORD_ONLY}
    for client, argument in ((OpenAIClient, "openai_client"), (AsyncOpenAIClient, "async_openai_client")):
        assert next(iter(inspect.signature(client).parameters)) == argument
    assert LLMClient.__abstractmethods__ == {"setup", "query_model"}
    assert AsyncLLMClient.__abstractmethods__ == {"setup", "_query_model_impl"}
