from __future__ import annotations

import json

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator import Answers, SimulatorSettings
from nemo_sdg.simulator.service import Service

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def ask(answers, content="Hello.", **fields):
    """Return the status and decoded body of one answer."""
    service = Service(SimulatorSettings(answers=Answers(**answers)))
    request = {"model": "m", "messages": [{"role": "user", "content": content}], "seed": 1, **fields}
    reply = service.handle("POST", b"/v1/chat/completions", None, json.dumps(request).encode())
    body = reply.body if reply.chunks is None else b"".join(reply.chunks)
    return reply.status, body.decode() if reply.chunks else json.loads(body)


def message_of(body):
    """Return the one message of an answer."""
    return body["choices"][0]["message"]


def test_a_schema_is_obeyed_in_the_field_and_in_words():
    """An answer fits the schema of the request's field, and one that the prompt gives."""
    assert set(json.loads(message_of(ask({}, response_format=FORM)[1])["content"])) == {"n"}
    words = f"A number. JSON schema: {json.dumps(SCHEMA)}"
    assert set(json.loads(message_of(ask({}, words)[1])["content"])) == {"n"}


def test_the_field_can_be_refused_or_ignored():
    """A refusal is 400, as servers have it that lack the field; ignored, the answer is prose."""
    status, body = ask({"response_format": "refused"}, response_format=FORM)

    assert (status, body["error"]["type"]) == (400, "invalid_request_error")
    assert ask({"response_format": "refused"})[0] == 200
    assert message_of(ask({"response_format": "ignored"}, response_format=FORM)[1])["content"].startswith(
        "**"
    )


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_stands_in_a_field(field):
    """Reasoning stands in its field, whole or streamed, and its tokens are counted; it uses up max_tokens."""
    body = ask({"reasoning": field})[1]

    assert message_of(body)[field].endswith("Done.")
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    assert f'"{field}":"The user' in ask({"reasoning": field}, stream=True)[1]
    short = ask({"reasoning": field}, max_tokens=5)[1]
    assert (message_of(short)["content"], short["choices"][0]["finish_reason"]) == ("", "length")


def test_reasoning_stands_in_the_text():
    """Reasoning stands in tags before the answer, or with the closing tag alone; else nothing tells of it."""
    assert message_of(ask({"reasoning": "think"})[1])["content"].startswith("<think>\nThe user")
    unopened = message_of(ask({"reasoning": "unopened"})[1])["content"]
    assert unopened.startswith("The user")
    assert "</think>" in unopened
    plain = ask({})[1]
    assert set(message_of(plain)) == {"content", "role", "refusal"}
    assert "completion_tokens_details" not in plain["usage"]


@pytest.mark.parametrize("wrong", [{"wrong": 2}, {"response_format": "maybe"}, {"reasoning": "loud"}])
def test_a_wrong_value_is_named(wrong):
    """The error names the key, the value and what is allowed."""
    with pytest.raises(ConfigError, match=rf"answers\.{next(iter(wrong))} is .*allowed"):
        Answers(**wrong)
