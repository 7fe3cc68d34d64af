from __future__ import annotations

import json

import pytest

from nemo_sdg.simulator.requests import RequestRefusedError, read_chat, read_text


def chat(**fields):
    """Return a chat request's body."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]} | fields).encode()


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"{", None, "not valid JSON"),
        (b"\xff", None, "not valid"),
        (b'"\\ud800"', None, "not"),
        (b"[]", None, "not a valid request"),
        (b'{"model": "m"}', None, "messages"),
        (chat(messages=[]), "messages", "at least one"),
        (chat(messages=[{"content": "no role"}]), None, "role"),
        (chat(messages=[{"role": "user", "content": 7}]), None, "content"),
        (chat(temperature=5), "temperature", "must be in [0, 2], got 5"),
        (chat(temperature=-0.1), "temperature", "must be in [0, 2]"),
        (chat(n=0), "n", "between 1 and 128"),
        (chat(n=1000), "n", "between 1 and 128"),
        (chat(max_tokens=0), "max_tokens", "at least 1"),
        (chat(max_completion_tokens=-1), "max_completion_tokens", "at least 1"),
    ],
)
def test_unusable_requests_are_refused(body, param, words):
    """A request that servers refuse is refused, and the refusal says why."""
    with pytest.raises(RequestRefusedError) as caught:
        read_chat(body)

    assert caught.value.param == param
    assert words in str(caught.value)


def test_nulls_are_as_if_absent():
    """Fields that clients send as null take their defaults."""
    names = ("n", "max_tokens", "temperature", "seed", "stop", "stream", "stream_options", "response_format")
    request = read_chat(chat(**dict.fromkeys(names)))

    assert request.n is None
    assert request.stops == []
    assert not request.greedy


def test_lone_surrogates_do_not_break_the_server():
    """Text that is no Unicode is refused like other broken JSON, or read without harm."""
    try:
        request = read_chat(b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')
    except RequestRefusedError:
        return
    request.prompts()


def test_conversations_differ_by_what_is_said_and_not_by_how_it_is_written():
    """Spacing and escapes of the JSON do not matter; roles, order and limits between messages do."""
    plain = '{"model":"m","messages":[{"role":"user","content":"über"}]}'.encode()
    spaced = b'{"model": "m", "messages": [{"content": "\\u00fcber", "role": "user"}]}'
    assert read_chat(plain).prompts()[0].digest == read_chat(spaced).prompts()[0].digest

    conversations = [
        [("user", "ab")],
        [("user", "a"), ("user", "b")],
        [("system", "a"), ("user", "b")],
        [("user", "b"), ("system", "a")],
        [("user", [{"type": "text", "text": "ab"}, {"type": "image_url", "image_url": {"url": "x"}}])],
    ]
    digests = {
        read_chat(chat(messages=[{"role": role, "content": content} for role, content in conversation]))
        .prompts()[0]
        .digest
        for conversation in conversations
    }
    assert len(digests) == len(conversations)


def test_the_last_user_message_and_all_instructions_count():
    """Of a conversation the last user message and the system messages are read."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "in French"},
        {"role": "assistant", "content": "Non."},
        {"role": "user", "content": [{"type": "text", "text": "in"}, {"type": "text", "text": "Greek"}]},
    ]
    prompt = read_chat(chat(messages=messages)).prompts()[0]

    assert prompt.instructions == "Be brief."
    assert prompt.user == "in\nGreek"


def test_prompts_come_alone_or_in_lists():
    """A text request holds one prompt or several; none is refused."""
    assert len(read_text(b'{"model":"m","prompt":"a"}').prompts()) == 1
    assert len(read_text(b'{"model":"m","prompt":["a","b"]}').prompts()) == 2
    for empty in (b'""', b"[]"):
        with pytest.raises(RequestRefusedError):
            read_text(b'{"model":"m","prompt":%s}' % empty)
