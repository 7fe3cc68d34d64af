from __future__ import annotations

import json
import warnings

import pytest

from nemo_sdg.client import GenerationConfig
from nemo_sdg.client.payload import build_payload
from nemo_sdg.errors import BadRequestError, ConfigError

MESSAGES = [{"role": "user", "content": "Hello"}]
ALL_NONE = dict.fromkeys(["max_tokens", "n", "seed", "stop", "temperature", "top_k", "top_p"])


def payload_of(messages=MESSAGES, **config):
    """Return the payload that a config makes."""
    return build_payload(messages, "m", GenerationConfig(**config))


def body_of(**config):
    """Return the body as the server sees it."""
    return json.loads(payload_of(**config).encoded())


def test_defaults():
    """n=1, stream=False, stop=None and top_k=None are left out; the rest is sent."""
    assert body_of() == {
        "model": "m",
        "messages": MESSAGES,
        "max_tokens": 2048,
        "temperature": 0.0,
        "top_p": 0.95,
        "seed": 0,
    }


def test_unset_is_left_out():
    """A parameter that is None is left out, never sent as null."""
    assert body_of(**ALL_NONE) == {"model": "m", "messages": MESSAGES}


def test_everything_set():
    """Each parameter has the name that servers know; a stream asks for its usage."""
    body = body_of(n=2, seed=7, stop=["x"], stream=True, temperature=1.5, top_k=4, top_p=0.5, max_tokens=9)

    assert body == {
        "model": "m",
        "messages": MESSAGES,
        "n": 2,
        "seed": 7,
        "stop": ["x"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 1.5,
        "top_k": 4,
        "top_p": 0.5,
        "max_tokens": 9,
    }


def test_extra_kwargs_win_with_a_warning():
    """extra_kwargs are sent beside the parameters and win over them, which is said."""
    with pytest.warns(UserWarning, match="extra_kwargs override temperature of"):
        body = body_of(temperature=0.5, extra_kwargs={"temperature": 1.0, "user": "u"})

    assert (body["temperature"], body["user"]) == (1.0, "u")


def test_equal_extra_kwargs_say_nothing():
    """An extra field that says the same as the parameter is no reason to warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert body_of(temperature=0.5, extra_kwargs={"temperature": 0.5})["temperature"] == 0.5


def test_extra_body_is_merged_last():
    """extra_body goes into the body itself, after the other extra fields."""
    body = body_of(extra_kwargs={"user": "a", "extra_body": {"user": "b", "min_p": 0.1}})

    assert (body["user"], body["min_p"]) == ("b", 0.1)
    assert "extra_body" not in body


def test_extra_headers_and_query_are_no_fields():
    """extra_headers and extra_query go beside the body."""
    payload = payload_of(extra_kwargs={"extra_headers": {"X-A": "1"}, "extra_query": {"v": "2"}})

    assert (payload.headers, payload.query) == ({"X-A": "1"}, {"v": "2"})
    assert not {"extra_headers", "extra_query"} & set(payload.body)


def test_max_completion_tokens_replaces_max_tokens():
    """Servers refuse both names together, so only the newer one is sent."""
    body = body_of(max_tokens=100, extra_kwargs={"max_completion_tokens": 50})

    assert body["max_completion_tokens"] == 50
    assert "max_tokens" not in body


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("ab\ud800c", r"unpaired surrogate \(U\+D800 at character 2\)"),
        (object(), "cannot be written as JSON"),
    ],
)
def test_what_json_cannot_say(content, said):
    """A prompt that is not text is a bad request that was never sent."""
    with pytest.raises(BadRequestError, match=said) as caught:
        payload_of([{"role": "user", "content": content}]).encoded()

    assert caught.value.attempts == 0


def test_a_conversation_without_end():
    """A message that holds itself is a bad request, not a crash."""
    message = {"role": "user", "content": []}
    message["content"].append(message)

    with pytest.raises(BadRequestError, match="cannot be written as JSON"):
        payload_of([message]).encoded()


@pytest.mark.parametrize(("messages", "model", "named"), [([], "m", "messages"), (MESSAGES, "", "model")])
def test_nothing_to_ask(messages, model, named):
    """No messages and no model are refused by name."""
    with pytest.raises(ConfigError, match=f"{named} is empty"):
        build_payload(messages, model, GenerationConfig())
