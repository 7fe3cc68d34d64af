"""Spans, received by a collector of ours over OTLP."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nemo_sdg import AsyncEndpointPool, AsyncOpenAIClient
from nemo_sdg.client import spans
from nemo_sdg.errors import ServerError
from nemo_sdg.simulator import Faults

service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]


def plain(value):
    """Return an attribute's value of the protocol as one of Python's."""
    kind = value.WhichOneof("value")
    return (
        [plain(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)
    )


class Collector:
    """A server that decodes what exporters send."""

    def __init__(self):
        self.spans, self.services, self.headers = [], set(), []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                """Say nothing."""

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.headers.append(dict(self.headers))
                for resource in service.ExportTraceServiceRequest.FromString(body).resource_spans:
                    named = {each.key: plain(each.value) for each in resource.resource.attributes}
                    collector.services.add(named["service.name"])
                    collector.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self):
        """End the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def attributes(thing):
    """Return the attributes of a span or event."""
    return {each.key: plain(each.value) for each in thing.attributes}


@pytest.fixture
def telemetry(monkeypatch):
    """Begin anew what a process has of spans."""
    monkeypatch.setattr(spans, "_of_process", [])
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    level = logging.getLogger("opentelemetry").level
    yield
    for each in spans._of_process:
        if each is not None:
            from nemo_sdg.client.spans_sent import _providers

            _providers.pop().shutdown()
    logging.getLogger("opentelemetry").setLevel(level)


@pytest.fixture
def collector(telemetry, monkeypatch):  # noqa: ARG001 - it comes first
    """Start a collector, to which the environment leads."""
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=data")
    yield collector
    collector.close()


def ask(client, **config):
    """Ask once, close the client and send what is recorded."""

    async def go():
        try:
            return await client.complete(MESSAGES, "m", generation_config=config)
        finally:
            await client.close()

    try:
        return asyncio.run(go())
    finally:
        spans.flush_spans()


def client_of(url, **options):
    """Return a client that is quick to try again."""
    return AsyncOpenAIClient(base_url=url, api_key="sk-not-to-be-seen-1", base_delay=0.001, **options)


def test_a_span_has_the_conventions_names(collector, simulator):
    """One request is one client span with what was asked, of whom, and what came; never what was said."""
    endpoint = simulator()

    completion = ask(client_of(endpoint.base_url), temperature=0.5, max_tokens=99, seed=7, stop="END")

    (span,) = collector.spans
    assert (span.name, span.kind) == ("chat m", 3)
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "server.address": "127.0.0.1",
        "server.port": int(endpoint.base_url.split(":")[2].split("/")[0]),
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 99,
        "gen_ai.request.seed": 7,
        "gen_ai.request.top_p": 0.95,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.usage.input_tokens": completion.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": completion.usage.completion_tokens,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.model": completion.model,
        "gen_ai.response.id": completion.raw["id"],
        "nemo_sdg.attempts": 1,
        "nemo_sdg.throttles": 0,
    }
    seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
    assert completion.latency <= seconds < completion.latency + 1
    assert collector.services == {"nemo-sdg"}
    assert collector.headers[0]["x-team"] == "data"
    assert b"sky" not in span.SerializeToString()
    assert b"sk-not" not in span.SerializeToString()


def test_each_failed_attempt_is_an_event(collector, simulator):
    """A request that fails in the end is an error, and each attempt an event with status and verdict."""
    client = client_of(simulator(faults=Faults(error_500=1.0)).base_url, max_retries=2)

    with pytest.raises(ServerError):
        ask(client)

    (span,) = collector.spans
    found = attributes(span)
    assert (found["error.type"], found["http.response.status_code"]) == ("ServerError", 500)
    assert found["nemo_sdg.attempts"] == len(span.events) == 3
    assert span.status.code == 2
    for event in span.events:
        assert event.name == "nemo_sdg.attempt.failed"
        assert span.start_time_unix_nano <= event.time_unix_nano <= span.end_time_unix_nano
        assert attributes(event) == {
            "nemo_sdg.verdict": "transient",
            "error.type": "ServerError",
            "http.response.status_code": 500,
        }


def test_what_was_said_is_recorded_if_asked_for(collector, simulator, monkeypatch):
    """With the standard variable the messages are in the span, as JSON of the conventions."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")

    completion = ask(client_of(simulator().base_url))

    found = attributes(collector.spans[0])
    said = [{"role": "user", "parts": [{"type": "text", "content": "Why is the sky blue?"}]}]
    assert json.loads(found["gen_ai.input.messages"]) == said
    (answer,) = json.loads(found["gen_ai.output.messages"])
    assert answer["parts"][0]["content"] == completion.texts[0]


def test_a_pool_names_who_was_asked(collector, simulator):
    """The server and the model of a pool's span are those of its member."""
    url = simulator().base_url

    ask(AsyncEndpointPool([client_of(url)], ["other"]))

    (span,) = collector.spans
    assert (span.name, attributes(span)["gen_ai.request.model"]) == ("chat other", "other")
    assert f":{attributes(span)['server.port']}/" in url


def test_a_run_has_a_span_for_each_request(collector, simulator, qa_pipeline, run, tmp_path):
    """All requests of a job have arrived when it ends."""
    report = run(qa_pipeline(simulator().base_url, tmp_path / "out"))

    assert len(collector.spans) == report.counts.requests == 40


@pytest.mark.usefixtures("telemetry")
def test_none_without_the_variable(monkeypatch):
    """Without an endpoint, or switched off, nothing is recorded and no variable travels."""
    assert spans.spans() is None
    assert spans.variables() == {}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
        with monkeypatch.context() as context:
            context.setenv(name, value)
            assert spans.spans() is None
            assert AsyncOpenAIClient()._spans is None
    assert spans.variables() == {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.usefixtures("telemetry")
def test_without_packages_requests_go_on(monkeypatch, caplog):
    """Where the variable is set and the packages are not there, one warning says what to install."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "nemo_sdg.client.spans_sent", None)

    assert spans.spans() is spans.spans() is None
    assert [record.message for record in caplog.records] == [
        "OTEL_EXPORTER_OTLP_ENDPOINT needs packages: pip install 'nemo-sdg[telemetry]'"
    ]


@pytest.mark.usefixtures("telemetry")
def test_a_collector_that_is_away_costs_no_answer(simulator, monkeypatch, caplog):
    """Requests are answered, the end is not held up for long, and one warning says what to check."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    url = simulator().base_url

    assert ask(client_of(url)).texts
    assert ask(pickle.loads(pickle.dumps(client_of(url)))).texts
    assert [r.message for r in caplog.records if r.name == "nemo_sdg"] == [
        "spans do not reach the collector: check OTEL_EXPORTER_OTLP_ENDPOINT (HTTP, protobuf)"
    ]
