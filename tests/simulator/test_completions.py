from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.simulator.completions import body_of, complete
from nemo_sdg.simulator.requests import (
    ChatRequest,
    Message,
    RequestRefusedError,
    ResponseFormat,
    StructuredOutputs,
    TextRequest,
    read_text,
)


def request_of(prompt="in English", **fields):
    """Return a chat request."""
    return ChatRequest(model="m", messages=[Message("user", prompt)], **fields)


def texts(request, random_seed=1):
    """Return the texts of an answer."""
    return [choice.text for choice in complete(request, 1, random_seed).choices]


def test_a_seed_fixes_the_text():
    """The same seed and messages give the same texts, whatever chance says; another seed gives others."""
    assert texts(request_of(seed=5), 1) == texts(request_of(seed=5), 2)
    assert texts(request_of(seed=5)) != texts(request_of(seed=6))


def test_without_a_seed_chance_decides():
    """Two requests without seed get different texts."""
    assert texts(request_of(), 1) != texts(request_of(), 2)


def test_greedy_texts_depend_on_messages_only():
    """At temperature 0 neither seed nor chance nor the place among the choices matters."""
    first = texts(request_of(temperature=0, seed=1, n=2), 1)

    assert first == texts(request_of(temperature=0, seed=2, n=2), 2)
    assert first[0] == first[1]
    assert first != texts(request_of("in plain English", temperature=0, n=2))


def test_choices_differ():
    """Several choices of one request are different texts."""
    assert len(set(texts(request_of(n=8, seed=1)))) == 8


def test_usage_adds_up():
    """Usage counts the prompt once and every choice."""
    completion = complete(request_of("x" * 41, n=3), 1, 1)

    assert completion.usage.prompt_tokens == 11
    assert completion.usage.completion_tokens > 30
    assert completion.usage.total_tokens == 11 + completion.usage.completion_tokens


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_token_limit_cuts(name):
    """A text that reaches the limit ends there, and says so."""
    whole = texts(request_of(seed=1))[0]
    completion = complete(request_of(seed=1, **{name: 5}), 1, 1)

    assert completion.choices[0].finish_reason == "length"
    assert whole.startswith(completion.choices[0].text)
    assert completion.usage.completion_tokens == 5


def test_a_high_token_limit_changes_nothing():
    """A text that just fits the limit ends by itself; with one token less it is cut."""
    whole = complete(request_of(seed=1), 1, 1)
    length = whole.usage.completion_tokens

    assert complete(request_of(seed=1, max_tokens=length), 1, 1).choices == whole.choices
    assert complete(request_of(seed=1, max_tokens=length - 1), 1, 1).choices[0].finish_reason == "length"


@pytest.mark.parametrize("stop", ["\n\n", ["**Answer", "never", "\n\n"]])
def test_stop_strings_cut(stop):
    """The text ends before whichever stop string comes first."""
    completion = complete(request_of(seed=1, stop=stop), 1, 1)

    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].text == texts(request_of(seed=1))[0].split("\n\n")[0]


def test_response_format_asks_for_json():
    """A JSON response format is obeyed without the word in the prompt."""
    for kind in ("json_object", "json_schema"):
        record = json.loads(texts(request_of("in German", response_format=ResponseFormat(kind)))[0])
        assert record["language"] == "German"


def test_structured_outputs():
    """Of vLLM's structured outputs a choice and a schema are followed, by the seed; no others are known."""
    choices = StructuredOutputs(choice=["yes", "no"])
    chosen = {texts(request_of(seed=seed, structured_outputs=choices))[0] for seed in range(20)}
    assert chosen == {"yes", "no"}
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    (text,) = texts(request_of(structured_outputs=StructuredOutputs(json=schema)))
    assert set(json.loads(text)) == {"a"}
    for wrong in ({}, {"regex": "a"}, {"json": schema, "choice": ["a"]}):
        body = {"model": "m", "prompt": "Hi", "structured_outputs": wrong}
        with pytest.raises(RequestRefusedError, match="one of json and choice"):
            read_text(json.dumps(body).encode())


def test_bodies_are_recognisable():
    """Every body says that it is simulated, whatever model was asked."""
    for request in (request_of(), TextRequest(model="m", prompt=["a", "b"], n=2)):
        body = json.loads(body_of(complete(request, 7, 1)))
        assert body["model"] == body["system_fingerprint"] == "simulated"
        assert [choice["index"] for choice in body["choices"]] == list(range(len(body["choices"])))


@settings(derandomize=True, max_examples=200)
@given(a=st.tuples(st.text(), st.none() | st.integers(0)), b=st.tuples(st.text(), st.none() | st.integers(0)))
def test_fingerprints_tell_requests_apart(a, b):
    """Requests have the same fingerprint if messages and seed are the same, and else different ones."""
    prints = [complete(request_of(text, seed=seed), 1, 1).fingerprint for text, seed in (a, b)]

    assert (prints[0] == prints[1]) == (a == b)
    assert all(0 <= value < 2**64 for value in prints)
