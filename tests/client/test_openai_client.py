from __future__ import annotations

import asyncio
import gc
import json
import logging
import pickle
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ray import cloudpickle

from nemo_sdg.client import (
    AsyncOpenAIClient,
    ConversationFormatter,
    GenerationConfig,
    OpenAIClient,
    Usage,
    openai_client,
)
from nemo_sdg.errors import (
    AuthenticationError,
    BadAnswerError,
    BadRequestError,
    ConfigError,
    ConnectionFailedError,
    ContentFilterError,
    ContextLengthError,
    DeadlineError,
    ModelNotFoundError,
    QuotaExhaustedError,
    RequestTimeoutError,
    RunStopped,
    ServerError,
    UnreachableError,
)
from nemo_sdg.limits import Limiter
from nemo_sdg.simulator import Faults, Latency, Limits

MESSAGES = [{"role": "user", "content": "Say something in French."}]
KEY = "sk-test-" + "a1b2" * 5
WARM = {"temperature": 0.8, "seed": 3}


def wait_for(happened):
    """Wait until something has happened."""
    while not happened():
        time.sleep(0.01)


class Lines(ConversationFormatter):
    def format_conversation(self, conv):
        return "\n".join(f"{turn['role']}: {turn['content']}" for turn in conv)


# --- what is asked and answered


def test_n_completions_in_order(simulator, make, ask):
    """N completions come back, in the server's order, the same for the same seed."""
    client = make(simulator())
    texts = ask(client, {**WARM, "n": 4}).texts

    assert len(set(texts)) == 4
    assert ask(client, {**WARM, "n": 4}).texts == texts
    assert ask(client, WARM).texts == texts[:1]


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("formatter", [None, Lines()])
def test_stream_gives_the_same(simulator, make, ask, n, formatter):
    """A streamed answer is the unstreamed one: texts, reasons and usage."""
    client = make(simulator())
    whole = ask(client, {**WARM, "n": n}, formatter=formatter)
    streamed = ask(client, {**WARM, "n": n, "stream": True}, formatter=formatter)

    assert streamed.texts == whole.texts
    assert streamed.finish_reasons == whole.finish_reasons == ["stop"] * n
    assert streamed.usage == whole.usage
    assert whole.usage.completion_tokens > 0


def test_query_model_is_the_texts(simulator, make):
    """query_model returns what complete() has as texts."""

    async def main():
        client = make(simulator())
        texts = await client.query_model(
            messages=MESSAGES, model="m", generation_config=GenerationConfig(n=2)
        )
        completion = await client.complete(MESSAGES, "m", None, {"n": 2})
        await client.close()
        return texts, completion.texts

    texts, same = asyncio.run(main())
    assert texts == same


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("stream", [False, True])
def test_a_withheld_answer(simulator, make, n, stream):
    """An answer of which a content filter leaves nothing is an error in words, and not asked for again.

    `complete` returns it: it was paid for.
    """
    server = simulator(faults=Faults(null_content=1))
    config = {"n": n, "stream": stream}

    async def main():
        client = make(server)
        with pytest.raises(ContentFilterError, match=r"filter withholds .*: change the prompt") as caught:
            await client.query_model(messages=MESSAGES, model="m", generation_config=config)
        completion = await client.complete(MESSAGES, "m", None, config)
        await client.close()
        return caught.value, completion

    error, completion = asyncio.run(main())
    assert error.attempts == 1
    assert completion.withheld
    assert completion.texts == [""] * n
    assert server.stats()["requests"] == 2


def test_a_partly_withheld_answer(scripted, http, good, make, ask):
    """Where a content filter leaves one of two texts, that one is given, and the other is ""."""
    withheld = {"index": 1, "message": {"content": None}, "finish_reason": "content_filter"}
    good["choices"].append(withheld)
    completion = ask(make(scripted(http(body=good))), {"n": 2})

    assert (completion.texts, completion.finish_reasons) == (["So.", ""], ["stop", "content_filter"])


def test_everything_that_was_said_is_kept(scripted, http, good, make, ask):
    """Usage, reasons, reasoning, logprobs, model, id, attempts, latency and the raw body are there."""
    good["choices"][0]["message"]["reasoning"] = "Hm."
    good["choices"][0]["logprobs"] = {"content": []}
    completion = ask(make(scripted(http(500), http(body=good))))

    assert completion.texts == ["So."]
    assert completion.usage == Usage(3, 2)
    assert completion.reasoning == ["Hm."]
    assert completion.logprobs == [{"content": []}]
    assert (completion.model, completion.request_id) == ("m-1", "c-1")
    assert (completion.attempts, completion.throttles) == (2, 0)
    assert completion.latency > 0
    assert completion.raw == good


def test_formatter_asks_for_text(scripted, http, make, ask):
    """With a ConversationFormatter the formatted prompt goes to /completions."""
    text = {"choices": [{"index": 0, "text": " Oui.", "finish_reason": "stop"}]}
    server = scripted(http(body=text))
    completion = ask(make(server), formatter=Lines())

    assert completion.texts == [" Oui."]
    assert server.requests[0].line == "POST /v1/completions HTTP/1.1"
    assert server.requests[0].json["prompt"] == "user: Say something in French."
    assert "messages" not in server.requests[0].json


def test_request_on_the_wire(scripted, http, make, ask):
    """Parameters, extra fields, headers and query of client and request reach the server."""
    server = scripted(http())
    client = make(
        server,
        api_key=KEY,
        organization="o",
        default_headers={"X-Client": "c", "X-Both": "client"},
        default_query={"v": "1"},
    )
    extra = {
        "user": "u",
        "extra_body": {"min_p": 0.5},
        "extra_headers": {"x-both": "request"},
        "extra_query": {"w": "2"},
    }
    ask(client, {"top_k": 5, "extra_kwargs": extra})
    request = server.requests[0]

    assert request.line == "POST /v1/chat/completions?v=1&w=2 HTTP/1.1"
    assert (request.json["top_k"], request.json["user"], request.json["min_p"]) == (5, "u", 0.5)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["openai-organization"] == "o"
    assert (request.headers["x-client"], request.headers["x-both"]) == ("c", "request")
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize("content", ["ab\udc00", object()])
def test_what_cannot_be_sent_is_not(simulator, make, ask, content):
    """A prompt that JSON cannot say is a bad request, and no attempt was made."""
    server = simulator()
    with pytest.raises(BadRequestError) as caught:
        ask(make(server), messages=[{"role": "user", "content": content}])

    assert caught.value.attempts == 0
    assert server.stats()["requests"] == 0


def test_messages_from_a_generator(scripted, http, make, ask):
    """Messages that can be gone through only once are sent whole again after a failure."""
    server = scripted(http(500), http(503, headers=["Retry-After: 0"]), http())
    ask(make(server), messages=(message for message in MESSAGES))

    assert [request.json["messages"] for request in server.requests] == [MESSAGES] * 3


def test_messages_as_one_text(make, ask):
    """A plain text for messages is refused before anything is sent."""
    with pytest.raises(ConfigError, match="messages is one text"):
        ask(make("http://localhost:1/v1"), messages="Hello")


# --- failures


@pytest.mark.parametrize(
    "fault",
    ["error_500", "reset", "reset_mid_body", "truncated_json", "html_page", "empty_choices", "invalid_utf8"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_transient_faults(simulator, make, fault, stream):
    """Each fault that may pass is tried again, costs an attempt, and the answers come in the end."""
    server = simulator(faults=Faults(**{fault: 0.4}), seed=5)

    async def main():
        client = make(server, max_retries=12, max_concurrent_requests=4)
        config = {"stream": stream}
        answers = await asyncio.gather(*(client.complete(MESSAGES, "m", None, config) for _ in range(8)))
        await client.close()
        return answers

    answers = asyncio.run(main())
    stats = server.stats()
    assert stats["by_fault"][fault] > 0
    assert sum(answer.attempts for answer in answers) == stats["requests"] > 8
    assert all(answer.texts[0] and answer.throttles == 0 for answer in answers)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("error_500", ServerError),
        ("truncated_json", BadAnswerError),
        ("html_page", BadAnswerError),
        ("wrong_types", BadAnswerError),
        ("reset_mid_body", ConnectionFailedError),
        ("hang", RequestTimeoutError),
    ],
)
def test_retries_run_out(simulator, make, ask, fault, kind):
    """After max_retries more attempts the last failure is raised, with the attempts that were made."""
    server = simulator()
    client = make(server, max_retries=2, timeout=0.2 if fault == "hang" else 20)
    if fault != "hang":
        ask(client)  # something was answered, so that it is not the URL
    server.control(faults=Faults(**{fault: 1}))
    server.reset_stats()
    with pytest.raises(kind) as caught:
        ask(client)

    assert type(caught.value) is kind
    assert (caught.value.attempts, caught.value.throttles) == (3, 0)
    assert server.stats()["requests"] == 3


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "failed to generate: rate, timeout, overloaded, connection", BadRequestError),
        (400, "This model's maximum context length is 1024 tokens.", ContextLengthError),
        (401, "Incorrect API key provided.", AuthenticationError),
        (402, "Pay.", QuotaExhaustedError),
        (403, "Not allowed.", AuthenticationError),
        (404, "The model does not exist.", ModelNotFoundError),
        (413, "Too large.", BadRequestError),
        (422, "Unprocessable.", BadRequestError),
        (307, "Elsewhere.", UnreachableError),
        (405, "Not allowed.", UnreachableError),
    ],
)
def test_not_tried_again(scripted, http, make, ask, status, message, kind):
    """What would fail again is sent once, whatever words the message has."""
    server = scripted(
        http(status, {"error": {"message": message, "type": "x", "code": status}}, ["X-Request-Id: r-9"])
    )
    with pytest.raises(kind) as caught:
        ask(make(server))

    assert len(server.requests) == 1
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.attempts, caught.value.request_id) == (status, 1, "r-9")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"api_key_env": "MY_KEY"}, "check it, and that it may use this model; it is that of MY_KEY"),
        ({}, "; none was sent: name the variable that holds it in api_key_env"),
    ],
)
def test_a_refused_key_is_named(scripted, http, ask, monkeypatch, options, words):
    """Who is refused hears which variable the key was from, or that there was none."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("MY_KEY", "some-key-123")
    server = scripted(http(401, {"error": {"message": "No."}}))

    with pytest.raises(AuthenticationError, match=re.escape(words)):
        ask(AsyncOpenAIClient(base_url=server.base_url, **options))


@pytest.mark.parametrize("status", [403, 405])
def test_one_request_is_refused(scripted, http, make, ask, status):
    """After a completion, what would have stopped the job is that request's own failure."""
    server = scripted(http(), http(status, {"error": {"message": "Moderated."}}))
    client = make(server)
    ask(client)
    with pytest.raises(BadRequestError, match=r"Moderated") as caught:
        ask(client)

    assert caught.value.attempts == 1


def test_not_found_of_fastapi(scripted, http, make, ask):
    """A 404 for the path names base_url as the remedy."""
    with pytest.raises(ModelNotFoundError, match="check base_url"):
        ask(make(scripted(http(404, {"detail": "Not Found"}))))


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, ["Retry-After: 0.05"]),
        (429, ["retry-after-ms: 50"]),
        (503, ["Retry-After: 0.05"]),
        (529, ["Retry-After: 0.05"]),
    ],
)
def test_throttles_cost_no_retry(scripted, http, make, ask, status, headers):
    """Throttled attempts are made again without costing retries, and counted."""
    server = scripted(*[http(status, headers=headers)] * 3, http())
    completion = ask(make(server, max_retries=0))

    assert (completion.attempts, completion.throttles) == (4, 3)


def test_throttle_that_names_no_time(scripted, http, make, ask):
    """A throttle without Retry-After pauses for a time of our own."""
    completion = ask(make(scripted(http(429), http()), max_retries=0))

    assert (completion.attempts, completion.throttles) == (2, 1)


def test_a_throttle_pauses_everybody(scripted, http, make):
    """While one throttle's Retry-After runs, no request of the client is sent."""
    sent = []

    def note(connection, _):
        sent.append(time.monotonic())
        connection.sendall(http(headers=["Connection: close"]))

    server = scripted(http(429, headers=["Retry-After: 0.4", "Connection: close"]), note)

    async def main():
        client = make(server, max_concurrent_requests=1)
        first = asyncio.ensure_future(client.complete(MESSAGES, "m"))
        await asyncio.to_thread(wait_for, lambda: server.requests)
        throttled = time.monotonic()
        await asyncio.gather(first, *(client.complete(MESSAGES, "m") for _ in range(5)))
        await client.close()
        return throttled

    throttled = asyncio.run(main())
    assert len(sent) == 6
    assert min(sent) - throttled > 0.3


@pytest.mark.parametrize("status", [429, 503])
def test_throttled_until_the_deadline(scripted, http, make, ask, status):
    """A request that is throttled for ever ends at its deadline, and says what the last answer was."""
    server = scripted(http(status, headers=["Retry-After: 0.02"]))
    with pytest.raises(DeadlineError, match=f"deadline=0.5 s.*{status}") as caught:
        ask(make(server, deadline=0.5))

    assert caught.value.attempts == caught.value.throttles == len(server.requests) > 1


def test_deadline_bounds_waiting_between_retries(scripted, http, make, ask):
    """A server that asks to wait beyond the deadline is not waited for."""
    started = time.monotonic()
    with pytest.raises(DeadlineError, match="server failed"):
        ask(make(scripted(http(500, headers=["Retry-After: 300"])), deadline=5))

    assert time.monotonic() - started < 4


def test_deadline_bounds_an_attempt(simulator, make, ask):
    """An attempt in flight is given up at the deadline, long before its timeout."""
    started = time.monotonic()
    client = make(simulator(faults=Faults(hang=1)), deadline=0.3, timeout=300)
    with pytest.raises(DeadlineError, match="the last one was not answered") as caught:
        ask(client)

    assert caught.value.attempts == 1
    assert time.monotonic() - started < 20
    assert client.limiter_for("m").in_flight == 0


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
def test_no_credit_is_fatal_at_once(scripted, http, make, ask, code):
    """An account without credit is no throttle: nothing is sent again."""
    server = scripted(http(429, {"error": {"message": "Quota.", "code": code}}, ["Retry-After: 1"]))
    with pytest.raises(QuotaExhaustedError):
        ask(make(server))

    assert len(server.requests) == 1


def test_unreachable(nowhere, make, ask):
    """Where nothing ever answered, the error after the retries is fatal and names the remedy."""
    with pytest.raises(UnreachableError, match="check base_url") as caught:
        ask(make(nowhere, max_retries=2))

    assert caught.value.attempts == 3


@pytest.mark.parametrize("status", [200, 500, 400])
def test_not_unreachable_when_it_has_answered(scripted, http, make, ask, status):
    """After any answer, success or not, a lost connection is that request's own failure."""
    server = scripted(http(status, headers=["Connection: close"]), lambda connection, _: connection.close())
    client = make(server, max_retries=1)
    if status != 500:
        try:
            ask(client)
        except BadRequestError:
            assert status == 400
    with pytest.raises(ConnectionFailedError) as caught:
        ask(client)

    assert caught.value.attempts == 2


def test_backing_off_holds_no_slot(scripted, http, make):
    """With one slot, another request gets through while the first one waits for its retry."""
    order = []

    async def main():
        client = make(
            scripted(http(500, headers=["Retry-After: 0.5"]), http()), max_concurrent_requests=1, base_delay=0
        )

        async def one(name):
            await client.complete(MESSAGES, "m")
            order.append(name)

        await asyncio.gather(one("first"), one("second"))
        await client.close()

    asyncio.run(main())
    assert order == ["second", "first"]


# --- concurrency and event loops


def test_peak_is_the_number(simulator, make):
    """The server sees exactly max_concurrent_requests at once, retries and throttles included."""
    server = simulator(latency=Latency.fixed(0.02), faults=Faults(error_500=0.1))

    async def main():
        client = make(server, max_concurrent_requests=6, max_retries=20)
        await asyncio.gather(*(client.complete(MESSAGES, "m") for _ in range(60)))
        await client.close()

    asyncio.run(main())
    assert server.stats()["concurrency"]["peak"] == 6


def test_peak_over_two_threads(simulator, make):
    """The number holds over two event loops in two threads on one client, and is reached."""
    server = simulator(latency=Latency.fixed(0.02))
    client = make(server, max_concurrent_requests=5)

    def thread():
        async def main():
            await asyncio.gather(*(client.complete(MESSAGES, "m") for _ in range(30)))
            await client.close()

        asyncio.run(main())

    threads = [threading.Thread(target=thread) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)

    assert server.stats()["concurrency"]["peak"] == 5
    assert server.stats()["paid"] == 60


def test_server_with_a_limit(simulator, make):
    """Under a server that allows less than we send, all answers come and no retry is spent."""
    server = simulator(limits=Limits(requests_per_minute=6000, burst_seconds=0.1))

    async def main():
        client = make(server, max_concurrent_requests=20, max_retries=0)
        answers = await asyncio.gather(*(client.complete(MESSAGES, "m") for _ in range(40)))
        await client.close()
        return answers

    answers = asyncio.run(main())
    assert sum(answer.throttles for answer in answers) == server.stats()["by_status"]["429"] > 0


def test_five_runs_one_client(simulator, make):
    """One client works in five asyncio.run() in a row without close(), and leaves nothing open or held."""
    client = make(simulator())
    for _ in range(5):
        assert asyncio.run(client.query_model(MESSAGES, "m"))
        gc.collect()

    assert len(client._transport._pools) == 0
    assert client.limiter_for("m").in_flight == 0


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_travels(simulator, make, ask, pickler):
    """A client works after pickling, used or not; its limiter's state stays behind."""
    client = make(simulator(), max_concurrent_requests=3, max_retries=7, deadline=50)
    ask(client)
    client.limiter_for("m").stop()
    there = pickler.loads(pickler.dumps(client))

    assert ask(there).texts
    assert isinstance(there.limiter_for("m"), Limiter)
    assert (there.max_concurrent_requests, there.max_retries, there.deadline) == (3, 7, 50)


def test_stopped(make, ask, simulator):
    """A stopped client sends nothing more and says so."""
    server = simulator()
    client = make(server)
    client.limiter_for("m").stop()
    with pytest.raises(RunStopped):
        ask(client)

    assert server.stats()["requests"] == 0


def test_cancellation_gives_the_slot_back(simulator, make):
    """Cancelled requests, waiting or in flight, hold no slot afterwards."""

    async def main():
        client = make(simulator(faults=Faults(hang=1)), max_concurrent_requests=2)
        tasks = [asyncio.ensure_future(client.complete(MESSAGES, "m")) for _ in range(6)]
        await asyncio.sleep(0.2)
        in_flight = client.limiter_for("m").in_flight
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await client.close()
        return in_flight, client.limiter_for("m").in_flight

    assert asyncio.run(main()) == (2, 0)


# --- credentials and arguments


def test_key_is_nowhere(monkeypatch, scripted, http, make, ask, caplog):
    """A key that the server echoes is in no error, repr, log or, given by name, pickle."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", KEY)
    echo = http(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}})
    bad = http(200, {"error": {"message": f"Bearer {KEY} is odd"}})
    client = make(scripted(echo, bad), api_key=None, api_key_env="MY_KEY", max_retries=0)
    shown = []
    for kind in (AuthenticationError, ServerError):
        with pytest.raises(kind) as caught:
            ask(client)
        shown += [repr(caught.value), str(caught.value), str(caught.getrepr())]

    assert "[api key]" in shown[0]
    assert KEY not in "".join(shown)
    assert KEY not in repr(client) + str(client)
    assert KEY.encode() not in pickle.dumps(client)
    assert KEY not in caplog.text
    assert KEY not in repr(client._endpoint)


@pytest.mark.parametrize(
    "arguments",
    [{"api_key": KEY}, {"api_key_env": "MY_KEY"}, {"api_key": KEY, "max_retries": -1}, {"base_url": KEY}],
)
def test_repr_and_errors_of_arguments(arguments):
    """Neither the repr nor a refusal of other arguments shows the key."""
    try:
        shown = repr(AsyncOpenAIClient(**{"base_url": "http://localhost/v1", **arguments}))
    except ConfigError as error:
        shown = "" if "base_url" in arguments else str(error)

    assert KEY not in shown


def test_key_in_the_wrong_place():
    """A key given as the first argument is refused without showing it."""
    with pytest.raises(ConfigError, match="async_openai_client is a str") as caught:
        AsyncOpenAIClient(KEY)

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_retries": -1}, "max_retries is -1"),
        ({"max_retries": 1.5}, "max_retries is 1.5"),
        ({"max_retries": None}, "max_retries is None"),
        ({"base_delay": -0.1}, "base_delay is -0.1"),
        ({"base_delay": "1"}, "base_delay is '1'"),
        ({"base_delay": float("nan")}, "base_delay is nan"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": "120"}, "timeout is '120'"),
        ({"timeout": float("inf")}, "timeout is inf"),
        ({"deadline": 0}, "deadline is 0"),
        ({"deadline": None}, "deadline is None"),
        ({"max_concurrent_requests": 0}, "max_concurrent_requests is 0"),
        ({"api_key": 5}, "api_key is a int"),
        ({"api_key_env": 5}, "api_key_env is no text"),
        ({"base_url": "localhost:8000"}, "base_url is 'localhost:8000'"),
        ({"api_kee": "x"}, "no argument 'api_kee': it takes .*api_key_env.*base_url"),
    ],
)
def test_arguments_are_checked(arguments, said):
    """A value or name of no use is refused at construction, with what is allowed."""
    with pytest.raises(ConfigError, match=said):
        AsyncOpenAIClient(**arguments)
    if "max_concurrent_requests" not in arguments:
        with pytest.raises(ConfigError, match=said):
            OpenAIClient(**arguments)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, {"OPENAI_API_KEY", "NVIDIA_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID"}),
        ({"api_key_env": "MINE"}, {"MINE", "OPENAI_BASE_URL", "OPENAI_ORG_ID"}),
        ({"api_key": "k", "base_url": "http://h/v1"}, {"OPENAI_ORG_ID"}),
        ({"api_key": "k", "base_url": "http://h/v1", "organization": "o"}, set()),
    ],
)
def test_environment(arguments, names):
    """The variables that stand in for what is not given are named, so that they can travel to workers."""
    always = {"OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"}

    assert set(AsyncOpenAIClient(**arguments).environment) == names | always


# --- the list of models


def test_list_models(simulator, make):
    """The names that the server lists."""
    assert asyncio.run(make(simulator(models=("a", "b"))).list_models()) == ["a", "b"]


@pytest.mark.parametrize("body", [b"<html></html>", b"{}", b'{"data":5}', b'{"data":[5]}'])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_no_list_of_models(scripted, http, make, status, body):
    """A server without such a list is no error."""
    assert asyncio.run(make(scripted(http(status, body))).list_models()) == []


def test_list_models_refused(simulator, make, nowhere):
    """A wrong key, and a URL at which nothing answers, are fatal."""
    with pytest.raises(AuthenticationError):
        asyncio.run(make(simulator(api_keys=frozenset({KEY}))).list_models())
    with pytest.raises(UnreachableError, match="check base_url") as caught:
        asyncio.run(make(nowhere).list_models())
    assert caught.value.attempts == 3


def test_list_models_redirected(scripted, http, make):
    """A redirect is fatal there already, and says what to use as base_url."""
    server = scripted(http(308, b"", ["Location: https://a.example/v1/models"]))
    with pytest.raises(UnreachableError, match=r"to https://a.example/v1: use that as base_url"):
        asyncio.run(make(server).list_models())


@pytest.mark.parametrize("peer", ["deaf", "hanging"])
def test_list_models_is_bounded(scripted, make, deaf, monkeypatch, peer):
    """Where nobody answers, it takes three short tries whatever the timeout, and says what to check."""
    monkeypatch.setattr(openai_client, "_LOOK_SECONDS", 0.2)
    ended = threading.Event()
    url = deaf if peer == "deaf" else scripted(lambda *_: ended.wait(60)).base_url
    with pytest.raises(UnreachableError, match=r"within 0.2 s \(3 attempts\): check .*firewall") as caught:
        asyncio.run(make(url, timeout=3600).list_models())
    ended.set()

    assert caught.value.attempts == 3


# --- the synchronous client


@pytest.fixture
def sync(simulator):
    """Yield a synchronous client of a simulator."""
    client = OpenAIClient(base_url=simulator().base_url, api_key="none", base_delay=0.001, timeout=20)
    yield client
    client.close()


def test_sync_as_async(sync, ask, make):
    """The synchronous client gives the same texts, streamed and several too."""
    config = {**WARM, "n": 3}
    texts = sync.query_model(MESSAGES, "m", None, config)

    assert texts == sync.query_model(MESSAGES, "m", None, {**config, "stream": True})
    assert texts == ask(make(sync.asynchronous.base_url), config).texts
    assert sync.complete((turn for turn in MESSAGES), "m", Lines()).texts[0]


@pytest.mark.parametrize(("given", "number"), [({}, 5), ({"max_concurrent_requests": 7}, 7)])
def test_sync_in_a_stage(given, number):
    """A stage gets one asynchronous client with the number given or the default, also after pickling."""
    client = OpenAIClient(base_url="http://localhost/v1", api_key="none", **given)
    for each in (client, pickle.loads(pickle.dumps(client))):
        assert each.asynchronous is each.asynchronous
        assert each.asynchronous.limiter_for("m").most_in_flight == number


def test_sync_threads_do_not_wait_for_one_another(simulator):
    """More threads than `max_concurrent_requests`, which is for stages, ask at once."""
    server = simulator(latency=Latency.fixed(0.3))
    client = OpenAIClient(base_url=server.base_url, api_key="none", max_concurrent_requests=1)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.query_model(MESSAGES, "m"), range(8)))
    client.close()

    assert server.stats()["concurrency"]["peak"] > 1


def test_sync_from_threads(sync):
    """Many threads may use one client at once."""
    with ThreadPoolExecutor(8) as pool:
        texts = list(
            pool.map(lambda seed: sync.query_model(MESSAGES, "m", None, {**WARM, "seed": seed}), range(40))
        )

    assert len({text for [text] in texts}) > 30


def test_sync_travels_and_reopens(sync):
    """It works after pickling and after close()."""
    there = pickle.loads(pickle.dumps(sync))
    texts = sync.query_model(MESSAGES, "m")
    assert there.query_model(MESSAGES, "m") == texts
    there.close()
    sync.close()
    sync.close()
    assert sync.query_model(MESSAGES, "m") == texts
    assert repr(sync).startswith("OpenAIClient('http://127.0.0.1:")


def test_sync_closed_amid_a_request(simulator):
    """close() from another thread ends a request that is in flight instead of leaving it hanging."""
    server = simulator(faults=Faults(hang=1))
    client = OpenAIClient(base_url=server.base_url, api_key="none")
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(client.query_model, MESSAGES, "m")
        wait_for(lambda: server.stats()["requests"])
        client.close()
        with pytest.raises(RunStopped):
            asking.result(20)
    assert client._client.limiter_for("m").in_flight == 0


def test_sync_forgotten_ends_its_thread(simulator):
    """A client that nobody refers to any more leaves no thread behind."""
    client = OpenAIClient(base_url=simulator().base_url, api_key="none")
    client.query_model(MESSAGES, "m")
    thread = client._thread._thread
    client._thread.call(time.sleep, 0.2)  # it finds out about all that follows in one moment
    del client
    gc.collect()
    thread.join(20)

    assert not thread.is_alive()


def test_sync_errors(nowhere):
    """Errors are those of the asynchronous client."""
    client = OpenAIClient(base_url=nowhere, max_retries=1, base_delay=0, api_key="none")
    client.setup()
    with pytest.raises(UnreachableError):
        client.query_model(MESSAGES, "m")
    client.close()


def test_answers_are_json(scripted, http, good, make, ask):
    """A body with text beyond ASCII arrives as it was sent."""
    good["choices"][0]["message"]["content"] = "é\U0001f600\u2028"
    raw = json.dumps(good, ensure_ascii=False).encode()

    assert ask(make(scripted(http(body=raw)))).texts == ["é\U0001f600\u2028"]
