from __future__ import annotations

import json

import pytest

from nemo_sdg.simulator import Faults, SimulatorSettings
from nemo_sdg.simulator.requests import ChatRequest, Message
from nemo_sdg.simulator.rewards import ATTRIBUTES, is_to_be_scored
from nemo_sdg.simulator.service import Service

ANSWERED = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]


def ask(path=b"/v1/chat/completions", settings=None, **body):
    """Return the status and the body of the answer of a simulated endpoint."""
    request = json.dumps({"model": "nvidia/nemotron-4-340b-reward", **body}).encode()
    reply = Service(settings or SimulatorSettings()).handle("POST", path, None, request)
    return reply.status, json.loads(reply.body)


def test_shape():
    """Scores stand in the place of logprobs, attributes in that of tokens, and both in the text."""
    status, answer = ask(messages=ANSWERED)
    [choice] = answer["choices"]
    scores = {each["token"]: each["logprob"] for each in choice["logprobs"]["content"]}

    assert (status, tuple(scores)) == (200, ATTRIBUTES)
    assert choice["message"]["content"] == ",".join(f"{name}:{score}" for name, score in scores.items())
    assert all(0 <= score <= 4 for score in scores.values())
    assert answer["usage"]["completion_tokens"] == 5
    assert ask(messages=ANSWERED)[1]["choices"] == answer["choices"]
    assert ask(messages=[*ANSWERED, *ANSWERED])[1]["choices"] != answer["choices"]


def test_text_completions():
    """A prompt's scores have the shape of text completions."""
    [choice] = ask(b"/v1/completions", prompt="1+1? 2")[1]["choices"]

    assert choice["logprobs"]["tokens"] == list(ATTRIBUTES)
    assert len(choice["logprobs"]["token_logprobs"]) == 5


def test_refused():
    """A conversation that ends with the user's turn has nothing to score."""
    status, answer = ask(messages=ANSWERED[:1])

    assert status == 400
    assert "last message must be the assistant's" in answer["error"]["message"]


def test_faults_hold():
    """Faults happen to reward models too."""
    assert ask(messages=ANSWERED, settings=SimulatorSettings(faults=Faults(error_500=1)))[0] == 500


@pytest.mark.parametrize(
    ("name", "answered", "scores"),
    [
        ("m-Reward-70b", False, True),
        ("meta/llama-3.3-70b-instruct", True, False),
        ("simulated", True, True),
        ("simulated", False, False),
        ("", False, False),
    ],
)
def test_who_scores(name, answered, scores):
    """A model scores by its name; the one that stands in for any scores what has been answered already."""
    messages = [Message(**message) for message in (ANSWERED if answered else ANSWERED[:1])]

    assert is_to_be_scored(ChatRequest(model=name, messages=messages)) is scores
