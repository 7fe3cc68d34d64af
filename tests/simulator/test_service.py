from __future__ import annotations

import json

import pytest

from nemo_sdg.simulator import Faults, Latency, Limits, SimulatorSettings


def assert_error(answer, status, kind=None, code=None):
    """Check that an answer is an error in OpenAI's shape."""
    assert answer.status == status
    assert set(answer.json) == {"error"}
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    if kind is not None:
        assert (error["type"], error["code"]) == (kind, code)


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_every_route_is_there_with_and_without_version(client, prefix):
    """All routes answer 200 under /v1 and at the root."""
    chat = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    for method, path, body in [
        ("POST", "/chat/completions", chat),
        ("POST", "/chat/completions?api-version=1", chat),
        ("POST", "/completions", {"model": "m", "prompt": ["Hi", "Ho"]}),
        ("GET", "/models", None),
        ("GET", "/models/meta/llama%203", None),
        ("GET", "/stats", None),
        ("POST", "/stats/reset", None),
        ("POST", "/control", {}),
        ("GET", "/health", None),
    ]:
        answer = client.ask(method, prefix + path, body)
        assert answer.status == 200, (method, path, answer.raw)
        assert answer.json is not None


def test_unknown_paths_and_methods(client):
    """An unknown path is 404, a known one with another method 405 that names the right one."""
    for path in ("/v1/nothing", "/v2/chat/completions", "/", "/xx/models/m"):
        assert_error(client.ask("GET", path), 404, "invalid_request_error", None)
    for method, path, right in [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/v1/models/m", "GET"),
    ]:
        answer = client.ask(method, path)
        assert_error(answer, 405)
        assert answer.headers["allow"] == right


@pytest.mark.parametrize(
    "body", [b"", b"{", {"model": "m"}, {"model": "m", "messages": []}, {"messages": [{"role": "user"}]}]
)
def test_unusable_bodies_are_400(client, body):
    """Broken JSON and missing fields are answered with 400."""
    assert_error(client.ask("POST", "/v1/chat/completions", body), 400, "BadRequestError", 400)


def test_temperature_out_of_range(client):
    """A temperature above 2 is refused in vLLM's words."""
    answer = client.chat(temperature=5)

    assert_error(answer, 400, "BadRequestError", 400)
    assert "must be in [0, 2]" in answer.json["error"]["message"]


def test_a_chat_answer_is_complete(client):
    """A chat answer has everything that clients read, and is recognisable as simulated."""
    answer = client.chat("A question in Swedish", n=2, seed=3).json

    assert answer["object"] == "chat.completion"
    assert answer["model"] == answer["system_fingerprint"] == "simulated"
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["usage"]["total_tokens"] > 20


def test_a_stream_ends_with_done(client):
    """A stream has the type of event streams, its usage on demand and [DONE] at its end."""
    answer = client.chat(stream=True, stream_options={"include_usage": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.raw.split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""]
    assert json.loads(events[-3][6:])["usage"]["total_tokens"] > 0


def test_keys_are_checked(make_client):
    """Only accepted keys get in, a refusal has OpenAI's code and never the key."""
    with make_client(SimulatorSettings(api_keys=frozenset({"right"}))) as client:
        assert client.chat(key="right").status == 200
        refused = client.chat(key="sk-wrong-key")
        assert_error(refused, 401, "invalid_request_error", "invalid_api_key")
        assert b"sk-wrong-key" not in refused.raw
        assert_error(client.chat(), 401)
        assert_error(client.ask("GET", "/v1/models"), 401)
        assert_error(client.ask("GET", "/v1/models/m"), 401)
        assert client.ask("GET", "/health").status == 200


def test_only_listed_models_exist(make_client):
    """Another model than the listed ones is 404 as vLLM says it; without a list any name is served."""
    with make_client(SimulatorSettings(models=("a/b", "c"))) as client:
        assert client.chat(model="c").status == 200
        answer = client.chat(model="x")
        assert_error(answer, 404, "NotFoundError", "model_not_found")
        assert answer.json["error"]["message"] == "The model `x` does not exist."
        assert [model["id"] for model in client.ask("GET", "/v1/models").json["data"]] == ["a/b", "c"]
        assert client.ask("GET", "/v1/models/a%2Fb").json["id"] == "a/b"
        assert_error(client.ask("GET", "/v1/models/x"), 404, "NotFoundError", "model_not_found")


def test_too_many_requests_are_429(make_client):
    """Above the limit the answer is 429 with the time to wait; all answers tell the state of the limits."""
    limits = Limits(requests_per_minute=60, tokens_per_minute=1e6)
    with make_client(SimulatorSettings(limits=limits)) as client:
        first, second = client.chat(), client.chat()

    assert first.status == 200
    assert first.headers["x-ratelimit-limit-requests"] == "60"
    assert first.headers["x-ratelimit-limit-tokens"] == "1000000"
    assert_error(second, 429, "requests", "rate_limit_exceeded")
    assert second.headers["retry-after"] == "1"
    assert 0 < int(second.headers["retry-after-ms"]) <= 1000
    assert second.headers["x-ratelimit-remaining-requests"] == "0"


def test_refused_bodies_tell_the_limits_too(make_client):
    """An answer that is an error for another reason carries the rate-limit headers as well."""
    with make_client(SimulatorSettings(limits=Limits(requests_per_minute=60))) as client:
        assert client.chat(temperature=9).headers["x-ratelimit-limit-requests"] == "60"


def test_tokens_are_limited(make_client):
    """Prompt and completion tokens are charged together."""
    with make_client(SimulatorSettings(limits=Limits(tokens_per_minute=600))) as client:
        assert client.chat("long " * 100).status == 200
        assert_error(client.chat(), 429, "tokens", "rate_limit_exceeded")


def test_control_changes_a_running_simulator(client):
    """Settings sent to /control hold from the next request on, and are given back."""
    answer = client.ask("POST", "/control", {"faults": {"error_500": 1.0}, "latency": {"median": 0.01}})
    assert answer.json["faults"]["error_500"] == 1.0
    assert_error(client.chat(), 500, "server_error", None)
    client.ask("POST", "/control", {"faults": {}})

    assert client.chat().status == 200
    assert_error(client.ask("POST", "/control", {"faults": {"error_500": 7}}), 400)
    assert_error(client.ask("POST", "/control", {"api_keys": []}), 400)


def test_control_does_not_show_keys(make_client):
    """What /control gives back holds no key."""
    with make_client(SimulatorSettings(api_keys=frozenset({"sk-secret"}))) as client:
        assert b"sk-secret" not in client.ask("POST", "/control", {}).raw


def test_revoked_keys(make_client):
    """After so many answered requests the key is worth nothing any more."""
    with make_client(SimulatorSettings(faults=Faults(unauthorized_after=3))) as client:
        assert [client.chat().status for _ in range(5)] == [200, 200, 200, 401, 401]
        assert client.simulator.stats()["by_fault"] == {"unauthorized_after": 2}


def test_latency_grows_with_overload():
    """Beyond capacity latency grows in proportion to concurrency, and not before."""
    from nemo_sdg.simulator.service import Service

    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
    service = Service(SimulatorSettings(latency=Latency.fixed(0.5, capacity=2)))
    delays = [service.handle("POST", b"/v1/chat/completions", None, body).delay for _ in range(6)]

    assert delays == pytest.approx([0.5, 0.5, 0.75, 1.0, 1.25, 1.5])


def test_lognormal_latency_has_its_median_and_is_reproducible():
    """Half of the delays are below the median, and the same seed gives the same delays."""
    from nemo_sdg.simulator.service import Service

    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'

    def delays(seed):
        service = Service(SimulatorSettings(latency=Latency.lognormal(2.0, 1.0), seed=seed))
        return [service.handle("POST", b"/chat/completions", None, body).delay for _ in range(2_000)]

    first = delays(1)
    assert sorted(first)[1_000] == pytest.approx(2.0, rel=0.1)
    assert sorted(first)[1_683] == pytest.approx(2.0 * 2.718, rel=0.2)
    assert first == delays(1) != delays(2)


def test_stats_over_http_are_those_of_the_simulator(client):
    """GET /stats gives the figures, and POST /stats/reset sets them back."""
    client.chat(seed=1)
    client.chat(seed=1)
    client.chat(temperature=7)
    figures = client.ask("GET", "/stats").json

    assert figures["requests"] == 3
    assert figures["by_status"] == {"200": 2, "400": 1}
    assert figures["paid"] == 2
    assert figures["repeats"] == 1
    assert figures["connections"] == 1
    client.ask("POST", "/stats/reset")
    assert client.simulator.stats()["requests"] == 0


def test_what_does_not_fit_the_model(make_client):
    """With `max_model_len` what is longer is 400, and an answer gets what the prompt leaves."""
    with make_client(SimulatorSettings(max_model_len=40)) as client:
        assert client.ask("GET", "/v1/models").json["data"][0]["max_model_len"] == 40
        assert client.chat("Hi", max_tokens=40).status == 200
        cut = client.chat("x" * 152, max_tokens=40).json
        long, many = client.chat("x" * 200), client.chat("Hi", max_tokens=41)
    for answer, says in ((long, "maximum context length is 40"), (many, "greater than max_model_len=40")):
        assert_error(answer, 400, "BadRequestError", 400)
        assert says in answer.json["error"]["message"]
    assert cut["usage"]["completion_tokens"] == 2
    assert cut["choices"][0]["finish_reason"] == "length"
