from __future__ import annotations

import time

import pytest

from nemo_sdg import GenerationConfig
from nemo_sdg.client.token_estimate import TokenEstimate
from nemo_sdg.limits import Tokens


def messages(characters):
    """Return one message with so many characters."""
    return [{"role": "user", "content": "x" * characters}]


def test_before_any_answer():
    """Four characters are a token; an answer takes 256, or max_tokens, for each choice."""
    estimate = TokenEstimate()
    assert estimate.of(messages(396), None) == Tokens(101, 256)
    assert estimate.of(messages(396), GenerationConfig(max_tokens=1000)).completion == 1000
    assert estimate.of(messages(396), GenerationConfig(max_tokens=10, n=3)).completion == 30


def test_learns_from_answers():
    """After some answers estimates are their means, by characters and by choices."""
    estimate = TokenEstimate()
    for completion in (100, 200, 300):
        estimate.learn(messages(996), 2, Tokens(500, 2 * completion))
    tokens = estimate.of(messages(1996), GenerationConfig(n=2, max_tokens=4000))
    assert tokens == Tokens(pytest.approx(1000, abs=2), 400)


def test_never_above_what_may_be_generated():
    """max_tokens bounds an estimate that was learnt without it."""
    estimate = TokenEstimate()
    estimate.learn(messages(100), 1, Tokens(30, 900))
    assert estimate.of(messages(100), GenerationConfig(max_tokens=50)).completion == 50


def test_follows_a_change():
    """Old answers lose their weight: a hundred of another length change the estimate nearly wholly."""
    estimate = TokenEstimate()
    for _ in range(1000):
        estimate.learn(messages(100), 1, Tokens(30, 100))
    for _ in range(200):
        estimate.learn(messages(100), 1, Tokens(30, 500))
    assert estimate.of(messages(100), None).completion >= 480


def test_what_a_server_does_not_count_is_left_as_it_was():
    """A prompt of 0 tokens, as some servers say, teaches nothing of prompts."""
    estimate = TokenEstimate()
    estimate.learn(messages(396), 1, Tokens(0, 40))
    assert estimate.of(messages(396), None) == Tokens(101, 40)


@pytest.mark.parametrize(
    ("content", "prompt"),
    [([{"type": "text", "text": "x" * 36}, {"type": "image_url"}], 11), (None, 2), ("", 2), ([], 2)],
)
def test_messages_of_any_form(content, prompt):
    """Parts of text count, images and missing text do not; no message at all is one token."""
    estimate = TokenEstimate()
    assert estimate.of([{"role": "user", "content": content}], None).prompt == prompt
    assert estimate.of([], None).prompt == 1


def test_what_the_first_estimates_were_too_high_by_is_not_given_back():
    """A request from before the first answer costs a budget its estimate, one from after it what it used."""
    estimates = TokenEstimate()
    before = time.monotonic()
    estimates.learn([{"role": "user", "content": "x" * 400}], 1, Tokens(100, 50))
    after = time.monotonic()

    assert estimates.charged(Tokens(100, 256), Tokens(100, 50), before) is None
    assert estimates.charged(Tokens(100, 20), Tokens(100, 50), before) == Tokens(100, 50)
    assert estimates.charged(Tokens(100, 256), Tokens(100, 50), after) == Tokens(100, 50)
    assert estimates.charged(Tokens(100, 256), None, after) is None
