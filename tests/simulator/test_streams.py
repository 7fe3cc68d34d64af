from __future__ import annotations

import json

import pytest

from nemo_sdg.simulator.completions import complete
from nemo_sdg.simulator.requests import ChatRequest, Message, TextRequest
from nemo_sdg.simulator.streams import events_of


def read(events):
    """Return the JSON of events, of which the last must be [DONE]."""
    assert events[-1] == b"data: [DONE]\n\n"
    assert all(event.startswith(b"data: {") and event.endswith(b"}\n\n") for event in events[:-1])
    return [json.loads(event[6:]) for event in events[:-1]]


@pytest.mark.parametrize("chat", [True, False])
def test_pieces_make_the_text(chat):
    """The pieces of each choice put together are the text of the answer that is not streamed."""
    request = (
        ChatRequest(model="m", messages=[Message("user", "in Japanese")], n=2, seed=1)
        if chat
        else TextRequest(model="m", prompt="in Japanese", n=2, seed=1)
    )
    completion = complete(request, 1, 1)
    records = read(events_of(completion, include_usage=False))

    for i, whole in enumerate(completion.choices):
        choices = [choice for record in records for choice in record["choices"] if choice["index"] == i]
        pieces = [choice["delta"].get("content", "") if chat else choice["text"] for choice in choices]
        assert "".join(pieces) == whole.text
        assert len(pieces) > 5
        assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert not any("usage" in record for record in records)


def test_usage_comes_last_on_demand():
    """With include_usage the last record has usage and no choices, all others a null."""
    request = ChatRequest(model="m", messages=[Message("user", "in Greek")])
    completion = complete(request, 1, 1)
    records = read(events_of(completion, include_usage=True))

    assert records[-1]["choices"] == []
    assert records[-1]["usage"]["completion_tokens"] == completion.usage.completion_tokens
    assert all(record["usage"] is None for record in records[:-1])


def test_a_filtered_stream_has_no_text():
    """A stream that a filter stopped says so and holds nothing."""
    completion = complete(ChatRequest(model="m", messages=[Message("user", "x")]), 1, 1)
    records = read(events_of(completion, include_usage=False, refused=True))

    assert records[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert not any(record["choices"][0]["delta"].get("content") for record in records)
