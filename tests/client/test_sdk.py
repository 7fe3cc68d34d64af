from __future__ import annotations

import asyncio
import logging
import pickle
import ssl

import httpx2
import openai
import pytest
import trustme
from ray import cloudpickle

from nemo_sdg.client import AsyncOpenAIClient
from nemo_sdg.errors import (
    AuthenticationError,
    BadAnswerError,
    BadRequestError,
    ConfigError,
    ConnectionFailedError,
    ModelNotFoundError,
    RequestTimeoutError,
    ServerError,
    UnreachableError,
)
from nemo_sdg.simulator import Faults

MESSAGES = [{"role": "user", "content": "Say something in French."}]
KEY = "sk-test-" + "a1b2" * 5
WARM = {"temperature": 0.8, "seed": 3}


@pytest.fixture
def through_sdk():
    """Return a function that makes a client which makes an SDK client."""

    def client(peer, api_key=KEY, **options):
        url = getattr(peer, "base_url", peer)
        return AsyncOpenAIClient(
            lambda: openai.AsyncOpenAI(base_url=url, api_key=api_key, max_retries=5),
            **{"base_delay": 0.001, "timeout": 20, **options},
        )

    return client


@pytest.mark.parametrize("stream", [False, True])
def test_same_as_lean(simulator, make, through_sdk, ask, stream):
    """Through the SDK the same request has the same answer: n, stream, usage, extra fields."""
    server = simulator()
    config = {**WARM, "n": 3, "stream": stream, "top_k": 7, "extra_kwargs": {"extra_body": {"min_p": 0.1}}}
    lean, sdk = ask(make(server), config), ask(through_sdk(server), config)

    assert sdk.texts == lean.texts
    assert sdk.finish_reasons == lean.finish_reasons
    assert sdk.usage == lean.usage
    assert sdk.model == lean.model


def test_same_request_on_the_wire(scripted, http, make, through_sdk, ask):
    """Both transports send the same body, key, extra headers and query."""
    server = scripted(http())
    extra = {"user": "u", "extra_headers": {"X-Extra": "e"}, "extra_query": {"q": "1"}}
    config = {**WARM, "n": 2, "top_k": 5, "stop": ["x"], "stream": True, "extra_kwargs": extra}
    for client in (make(server, api_key=KEY), through_sdk(server)):
        ask(client, config)
    ours, theirs = server.requests

    assert theirs.json == ours.json
    assert theirs.json["top_k"] == 5
    assert theirs.line == ours.line
    for name in ("authorization", "x-extra", "content-type"):
        assert theirs.headers[name] == ours.headers[name]


def test_client_object(simulator):
    """An openai.AsyncOpenAI that was handed in is used and stays open."""
    server = simulator()

    async def main():
        given = openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY)
        client = AsyncOpenAIClient(given)
        texts = await client.query_model(MESSAGES, "m")
        await client.close()
        again = await given.chat.completions.create(messages=MESSAGES, model="m", seed=0, temperature=0.0)
        await given.close()
        return texts, again.choices[0].message.content

    texts, again = asyncio.run(main())
    assert texts == [again]


def test_client_object_on_many_loops(simulator):
    """One object serves event loop after event loop, each request paid once, as in stages of batches."""
    server = simulator()
    client = AsyncOpenAIClient(openai.AsyncOpenAI(base_url=server.base_url, api_key=KEY), max_retries=0)

    async def main():
        asked = (client.complete([{"role": "user", "content": f"{i}"}], "m") for i in range(4))
        texts = [each.texts for each in await asyncio.gather(*asked)]
        await client.close()
        return texts

    texts = [asyncio.run(main()) for _ in range(4)]
    assert texts == [texts[0]] * 4
    assert server.stats()["requests"] == 16


def test_client_object_with_its_own_http_client(simulator):
    """An HTTP client of the user's belongs to one event loop; on another, it is refused."""
    sdk = openai.AsyncOpenAI(
        base_url=simulator().base_url, api_key=KEY, http_client=httpx2.AsyncClient(http2=False)
    )
    client = AsyncOpenAIClient(sdk)

    async def main():
        try:
            return await client.query_model(MESSAGES, "m")
        finally:
            await sdk.close()

    assert asyncio.run(main())
    with pytest.raises(ConfigError, match=r"one event loop: give a function that makes"):
        asyncio.run(main())


def test_sdk_retries_are_off(simulator, through_sdk, ask):
    """Only our retries happen: the server counts the attempts that we count."""
    server = simulator(faults=Faults(error_500=1))
    with pytest.raises(ServerError) as caught:
        ask(through_sdk(server, max_retries=2))

    assert server.stats()["requests"] == caught.value.attempts == 3


@pytest.mark.parametrize("fault", ["error_500", "reset", "reset_mid_body", "truncated_json", "html_page"])
@pytest.mark.parametrize("stream", [False, True])
def test_transient_faults(simulator, through_sdk, fault, stream):
    """Faults that may pass are tried again here too, also those amid a stream."""
    server = simulator(faults=Faults(**{fault: 0.4}), seed=5)

    async def main():
        client = through_sdk(server, max_retries=12)
        answers = [await client.complete(MESSAGES, "m", None, {"stream": stream}) for _ in range(6)]
        await client.close()
        return answers

    answers = asyncio.run(main())
    assert server.stats()["by_fault"][fault] > 0
    assert sum(answer.attempts for answer in answers) == server.stats()["requests"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadRequestError), (401, AuthenticationError), (404, ModelNotFoundError)],
)
def test_not_tried_again(scripted, http, through_sdk, ask, status, kind):
    """What would fail again is sent once, even if the SDK would be told to retry."""
    server = scripted(http(status, {"error": {"message": "No rate.", "code": 1}}))
    with pytest.raises(kind, match="No rate") as caught:
        ask(through_sdk(server))

    assert len(server.requests) == 1
    assert caught.value.status == status


def test_throttles(scripted, http, through_sdk, ask):
    """Throttles cost no retry, and their Retry-After is ours to keep."""
    server = scripted(*[http(429, headers=["Retry-After: 0.05"])] * 2, http())
    completion = ask(through_sdk(server, max_retries=0))

    assert (completion.attempts, completion.throttles) == (3, 2)


def test_time_out_is_for_the_whole_attempt(simulator, through_sdk, ask):
    """An answer that drips in is given up after `timeout`, however small the gaps."""
    server = simulator(faults=Faults(slow_drip=1, drip_seconds=30))
    with pytest.raises(RequestTimeoutError, match=r"within 0.3 s"):
        ask(through_sdk(server, timeout=0.3, max_retries=0))


@pytest.mark.parametrize("host", ["127.0.0.1", "other.example"])
def test_certificate(scripted, http, through_sdk, ask, host):
    """A certificate that is not trusted is fatal at once here too; the request is not sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(host).configure_cert(context)
    server = scripted(http(), tls=context)
    with pytest.raises(UnreachableError, match=r"of 127.0.0.1 is not trusted .*SSL_CERT_FILE") as caught:
        ask(through_sdk(server))

    assert caught.value.attempts == 1
    assert not server.requests


def test_redirects_without_end(scripted, http, through_sdk, ask):
    """The SDK follows redirects, without the key to another server; where they have no end it is fatal."""
    other = scripted(http())
    ask(through_sdk(scripted(http(307, b"", [f"Location: {other.base_url}/chat/completions"]))))
    assert "authorization" not in other.requests[0].headers

    server = scripted(http(307, b"", ["Location: /v1/chat/completions"]))
    with pytest.raises(UnreachableError, match="redirects without end: check base_url") as caught:
        ask(through_sdk(server))
    assert caught.value.attempts == 1


def test_unreachable(nowhere, through_sdk, ask):
    """Where nothing answers, the error after the retries is fatal, and so for the list of models."""
    with pytest.raises(UnreachableError, match="check base_url"):
        ask(through_sdk(nowhere, max_retries=1))
    with pytest.raises(UnreachableError, match="check base_url"):
        asyncio.run(through_sdk(nowhere).list_models())


def test_list_models(simulator, through_sdk, scripted, http):
    """The list of models comes through the SDK, with our errors."""

    async def models(client):
        try:
            return await client.list_models()
        finally:
            await client.close()

    assert asyncio.run(models(through_sdk(simulator(models=("a",))))) == ["a"]
    assert asyncio.run(models(through_sdk(scripted(http(404, b"nothing"))))) == []
    with pytest.raises(AuthenticationError):
        asyncio.run(models(through_sdk(simulator(api_keys=frozenset({"other"})))))


@pytest.mark.parametrize("pickler", [cloudpickle])
def test_function_travels(simulator, through_sdk, ask, pickler):
    """A client given a function works after pickling, used or not."""
    client = through_sdk(simulator())
    ask(client)

    assert ask(pickler.loads(pickler.dumps(client))).texts


def test_object_does_not_travel():
    """A client given an object refuses pickling and says what to give instead."""
    for client in (
        AsyncOpenAIClient(openai.AsyncOpenAI(api_key=KEY)),
        AsyncOpenAIClient(api_key=KEY, http_client=httpx2.AsyncClient()),
    ):
        with pytest.raises(ConfigError, match=r"cannot travel .* give a function that makes .*lambda"):
            pickle.dumps(client)


def test_azure(scripted, http, ask):
    """AsyncAzureOpenAI keeps its deployment's URL, version and header."""
    server = scripted(http())
    endpoint = server.base_url.removesuffix("/v1")
    client = AsyncOpenAIClient(
        lambda: openai.AsyncAzureOpenAI(azure_endpoint=endpoint, api_key=KEY, api_version="2025-01-01")
    )
    completion = ask(client, {"top_k": 3})

    assert completion.texts == ["So."]
    request = server.requests[0]
    assert request.line == "POST /openai/deployments/m/chat/completions?api-version=2025-01-01 HTTP/1.1"
    assert request.headers["api-key"] == KEY
    assert request.json["top_k"] == 3


def test_arguments_only_the_sdk_knows(scripted, http, ask, monkeypatch):
    """With an argument of the SDK's, requests go through it, with the key that api_key_env names."""
    monkeypatch.setenv("MY_KEY", KEY)
    server = scripted(http())
    client = AsyncOpenAIClient(base_url=server.base_url, api_key_env="MY_KEY", webhook_secret="w")
    ask(client)

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "x-stainless-lang" in server.requests[0].headers
    assert KEY.encode() not in pickle.dumps(client)


def test_key_from_a_function(scripted, http, ask):
    """A function for api_key is asked by the SDK before each request."""
    keys = iter(["key-one", "key-two"])

    async def fresh():
        return next(keys)

    server = scripted(http())
    client = AsyncOpenAIClient(base_url=server.base_url, api_key=fresh)
    ask(client)
    ask(client)

    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer key-one",
        "Bearer key-two",
    ]


def test_arguments_without_effect():
    """Arguments that an SDK client which was handed in would ignore are refused."""
    for arguments in ({"api_key": KEY}, {"api_key_env": "X"}, {"base_url": "http://h/v1"}):
        with pytest.raises(ConfigError, match="would be without effect") as caught:
            AsyncOpenAIClient(openai.AsyncOpenAI, **arguments)
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("wrong", [openai.OpenAI(api_key=KEY), 5])
def test_wrong_client(wrong):
    """A synchronous client, or anything else, is refused, given or made."""
    with pytest.raises(ConfigError, match=r"give an openai.AsyncOpenAI, or a function"):
        AsyncOpenAIClient(wrong)
    with pytest.raises(ConfigError, match=f"made a {type(wrong).__name__}"):
        asyncio.run(AsyncOpenAIClient(lambda: wrong).query_model(MESSAGES, "m"))


def test_no_credentials(ask):
    """An SDK client that cannot be made for want of a key is refused once, with the SDK's words."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        ask(AsyncOpenAIClient(lambda: openai.AsyncOpenAI(base_url="http://localhost:1/v1")))


def test_key_is_nowhere(scripted, http, through_sdk, ask, caplog):
    """A key that the server echoes is in no error and no log through the SDK either."""
    caplog.set_level(logging.DEBUG)
    echo = http(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}})
    client = through_sdk(scripted(echo))
    with pytest.raises(AuthenticationError, match=r"\[api key\]") as caught:
        ask(client)

    assert KEY not in repr(caught.value) + repr(client) + str(caught.getrepr())
    assert caplog.records
    assert KEY not in caplog.text


def test_text_completions(scripted, http, through_sdk, ask):
    """/completions goes through the SDK too."""
    from nemo_sdg.client import ConversationFormatter

    class Last(ConversationFormatter):
        def format_conversation(self, conv):
            return conv[-1]["content"]

    server = scripted(http(body={"choices": [{"text": "Oui."}]}))

    assert ask(through_sdk(server), formatter=Last()).texts == ["Oui."]
    assert server.requests[0].line == "POST /v1/completions HTTP/1.1"
    assert server.requests[0].json["prompt"] == "Say something in French."


def test_last_failures(simulator, through_sdk, ask):
    """When retries run out, resets and bad answers have the classes that they have without the SDK."""
    server = simulator()
    client = through_sdk(server, max_retries=1)
    ask(client)
    for fault, kind in (("reset", ConnectionFailedError), ("html_page", BadAnswerError)):
        server.control(faults=Faults(**{fault: 1}))
        with pytest.raises(kind):
            ask(client)
