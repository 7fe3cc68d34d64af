from __future__ import annotations

import contextlib
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client import Usage
from nemo_sdg.client.answer import completion_from, read_answer
from nemo_sdg.errors import BadAnswerError, ServerError

STREAM = "text/event-stream; charset=utf-8"
NULLS = '"refusal":null,"annotations":null,"audio":null,"function_call":null'
# What vLLM 0.32 answered, shortened.
VLLM = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"tiny","choices":['
    '{"index":0,"message":{"role":"assistant","content":"rtG n\\u0003Town",' + NULLS + ',"reasoning":null},'
    '"logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null,"routed_experts":null},'
    '{"index":1,"message":{"role":"assistant","content":"z Xts",' + NULLS + ',"reasoning":"Hm."},'
    '"logprobs":null,"finish_reason":"stop","stop_reason":"e","token_ids":null,"routed_experts":null}],'
    '"service_tier":null,"system_fingerprint":"vllm","usage":{"prompt_tokens":15,"total_tokens":31,'
    '"completion_tokens":16,"prompt_tokens_details":null,"completion_tokens_details":null},'
    '"prompt_logprobs":null,"prompt_token_ids":null,"kv_transfer_params":null,"metrics":null}'
).encode()
VLLM_TEXT = (
    b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"tiny","choices":[{"index":0,"text":'
    b'" model","logprobs":null,"finish_reason":"length","stop_reason":null,"prompt_logprobs":null}],'
    b'"usage":{"prompt_tokens":5,"total_tokens":9,"completion_tokens":4,"prompt_tokens_details":null}}'
)


def event(choices, **more):
    """Return one event of a stream as vLLM sends it."""
    chunk = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "model": "tiny", "choices": choices}
    return b"data: " + json.dumps({**chunk, **more}).encode() + b"\n\n"


def piece(text, index=0, reason=None, **delta):
    """Return the choice of an event with a piece of text."""
    return {"index": index, "delta": {"content": text, **delta}, "logprobs": None, "finish_reason": reason}


DONE = b"data: [DONE]\n\n"
VLLM_STREAM = b"".join(
    [
        event([piece("", role="assistant")], prompt_token_ids=None),
        event([piece("", 1, role="assistant")]),
        event([piece(" weights")]),
        event([piece("+", 1)]),
        event([piece(" brown")]),
        event([piece("", 1)]),
        event([piece("", 0, "length")]),
        event([piece("th", 1, "stop")]),
        event([], usage={"prompt_tokens": 15, "total_tokens": 21, "completion_tokens": 6}),
        DONE,
    ]
)


def test_vllm():
    """An answer of vLLM, many of whose fields are null, is read whole."""
    completion = read_answer(VLLM)

    assert completion.texts == ["rtG n\x03Town", "z Xts"]
    assert completion.finish_reasons == ["length", "stop"]
    assert completion.reasoning == [None, "Hm."]
    assert completion.logprobs == [None, None]
    assert completion.usage == Usage(15, 16)
    assert completion.usage.total_tokens == 31
    assert (completion.model, completion.request_id) == ("tiny", "chatcmpl-1")
    assert completion.raw["choices"][1]["stop_reason"] == "e"


def test_vllm_text():
    """An answer of /completions is read from `text`."""
    completion = read_answer(VLLM_TEXT)

    assert (completion.texts, completion.finish_reasons) == ([" model"], ["length"])
    assert completion.usage == Usage(5, 4)


@pytest.mark.parametrize("content_type", [STREAM, "text/plain", ""])
def test_vllm_stream(content_type):
    """A stream of two interleaved choices and a last chunk with usage alone is put together."""
    completion = read_answer(VLLM_STREAM, content_type, 2)

    assert completion.texts == [" weights brown", "+th"]
    assert completion.finish_reasons == ["length", "stop"]
    assert completion.usage == Usage(15, 6)
    assert (completion.model, completion.request_id) == ("tiny", "chatcmpl-2")


def test_usage_of_every_chunk():
    """With usage in each chunk the last one holds."""
    usages = [
        {"prompt_tokens": 15, "completion_tokens": n, "completion_tokens_details": None} for n in (0, 1, 2)
    ]
    body = (
        event([piece("a")], usage=usages[0])
        + event([piece("b", 0, "stop")], usage=usages[1])
        + event([], usage=usages[2])
        + DONE
    )

    assert read_answer(body, STREAM).usage == Usage(15, 2)


def test_logprobs_of_a_stream():
    """Log probabilities of the chunks are joined."""
    chunks = [{**piece(text), "logprobs": {"content": [{"token": text}]}} for text in "ab"]
    completion = read_answer(b"".join(event([chunk]) for chunk in chunks) + DONE, STREAM)

    assert completion.logprobs == [{"content": [{"token": "a"}, {"token": "b"}]}]


def test_details_of_usage():
    """Reasoning and cached tokens are counted where the server tells them."""
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "completion_tokens_details": {"reasoning_tokens": 5},
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    completion = completion_from({"choices": [{"message": {"content": "x"}}], "usage": usage})

    assert completion.usage == Usage(9, 8, 5, 4)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning(name):
    """Reasoning is kept apart under both its names, whole or streamed."""
    whole = completion_from({"choices": [{"message": {"content": "x", name: "Hm, so."}}]})
    deltas = [{"delta": {name: "Hm,"}}, {"delta": {name: " so."}}, piece("x", 0, "stop")]
    streamed = read_answer(b"".join(event([delta]) for delta in deltas) + DONE, STREAM)

    assert whole.reasoning == streamed.reasoning == ["Hm, so."]
    assert whole.texts == streamed.texts == ["x"]


@pytest.mark.parametrize("content", [None, [], [{"type": "image"}], [{"text": 5}], [7]])
def test_no_content(content):
    """Content that is null, or has no text in it, is the empty text; its finish reason is kept."""
    choice = {"message": {"content": content}, "finish_reason": "content_filter"}
    completion = completion_from({"choices": [choice]})

    assert (completion.texts, completion.finish_reasons) == ([""], ["content_filter"])


def test_content_parts():
    """Parts of content are joined."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert completion_from({"choices": [{"message": {"content": parts}}]}).texts == ["ab"]


def test_order_is_that_of_index():
    """Choices come in the order of their index, whatever order they were sent in."""
    choices = [{"index": index, "message": {"content": str(index)}} for index in (2, 0, 1)]

    assert completion_from({"choices": choices}).texts == ["0", "1", "2"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"choices":[{"mess',
        b"<!doctype html><html></html>",
        b'{"choices":[]}',
        b"{}",
        b"[]",
        b"null",
        b'{"choices":[{}]}',
        b'{"choices":[{"message":"text"}]}',
        b'{"choices":[{"message":{"content":42}}]}',
        b'{"choices":[{"message":{"content":"\xff\xfe"}}]}',
        b"[" * 100_000,
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
        b"data: 5\n\n",
        b"data: {\n\n",
        b'data: {"choices":5}\n\n',
        DONE,
    ],
)
def test_no_completion(body):
    """What is cut off, empty or of other types is a bad answer, with its beginning or type in the message."""
    with pytest.raises(BadAnswerError) as caught:
        read_answer(body)

    assert 0 < len(str(caught.value)) < 500


def test_a_stream_that_breaks_off():
    """Each beginning of a stream is a bad answer up to the last choice's end; nothing is half taken."""
    lines = VLLM_STREAM.splitlines(keepends=True)
    ends = {}
    for number in range(len(lines) + 1):
        try:
            ends[number] = read_answer(b"".join(lines[:number]), STREAM, 2).texts
        except BadAnswerError:
            ends[number] = None

    whole = next(number for number, texts in ends.items() if texts)
    assert b'"stop"' in lines[whole - 1]
    assert all(texts == [" weights brown", "+th"] for number, texts in ends.items() if number >= whole)


def test_a_choice_that_never_began():
    """A stream that ends after the first of two choices, without [DONE], is no answer to n=2."""
    body = event([piece("a", 0, "stop")])

    assert read_answer(body, STREAM).texts == ["a"]
    with pytest.raises(BadAnswerError, match="before the answer was whole"):
        read_answer(body, STREAM, 2)


def test_error_amid_a_stream():
    """An error after some pieces of text fails the request: the pieces are not the answer."""
    error = b'data: {"error":{"message":"engine died","code":500}}\n\n'
    with pytest.raises(ServerError, match="engine died"):
        read_answer(event([piece("half")]) + error + DONE, STREAM)


def test_error_with_success():
    """A success that holds an error in place of choices is the server's error."""
    with pytest.raises(ServerError, match="engine died"):
        read_answer(b'{"error":{"message":"engine died"},"choices":null}')


@pytest.mark.parametrize("key", ["message", "logprobs"])
@pytest.mark.parametrize("held", [5, "x", [1]])
def test_pieces_over_other_types(key, held):
    """Pieces that follow a value of another type in the same place take it over."""
    first = {"index": 0, key: held}
    second = {"index": 0, "delta": {"content": "a"}, "logprobs": {"content": []}, "finish_reason": "stop"}

    assert read_answer(event([first]) + event([second]), STREAM).texts == ["a"]


def test_comments_and_empty_events():
    """Comments, other fields, empty data and any line ends in a stream are passed over."""
    body = b": wait\r\n\r\nevent: message\r\ndata:\r\n\r\n" + VLLM_STREAM.replace(b"\n", b"\r\n")

    assert read_answer(body, STREAM).texts == [" weights brown", "+th"]
    assert read_answer(body, "").texts == [" weights brown", "+th"]


NAMES = st.sampled_from(
    [
        "choices",
        "message",
        "content",
        "delta",
        "text",
        "index",
        "usage",
        "logprobs",
        "error",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens_details",
        "reasoning",
        "id",
        "model",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
CHOICE = st.dictionaries(NAMES, JSON, max_size=5)
LIKELY = JSON | st.fixed_dictionaries(
    {"choices": st.lists(CHOICE | JSON, max_size=3)}, optional={"usage": JSON}
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["", "application/json", STREAM]))
def test_any_bytes(body, content_type):
    """Whatever bytes arrive, nothing but our two errors is raised."""
    with contextlib.suppress(BadAnswerError, ServerError):
        read_answer(body, content_type)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.lists(LIKELY, max_size=3), st.booleans())
def test_any_json(values, streamed):
    """Whatever JSON arrives, whole or as a stream, it is a completion of texts or one of our two errors."""
    encoded = [json.dumps(value).encode() for value in values]
    body = (
        b"".join(b"data: " + value + b"\n\n" for value in encoded) + DONE if streamed else b"".join(encoded)
    )
    try:
        completion = read_answer(body, STREAM if streamed else "application/json")
    except (BadAnswerError, ServerError):
        return
    assert completion.texts
    assert all(isinstance(text, str) for text in completion.texts)
    assert len(completion.texts) == len(completion.finish_reasons) == len(completion.reasoning)
    assert completion.usage.total_tokens >= 0


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
CUTS = st.lists(st.integers(0, 40), max_size=6)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(TEXT, TEXT, CUTS, st.sampled_from(["stop", "length"])), min_size=1, max_size=3),
    st.data(),
)
def test_split_and_joined(choices, data):
    """Joining the chunks of any message, split anywhere and interleaved, gives the message."""
    queues = []
    for index, (text, thought, cuts, reason) in enumerate(choices):
        bounds = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
        pieces = [text[a:b] for a, b in pairwise(bounds)] or [""]
        first = {"index": index, "delta": {"role": "assistant", "reasoning": thought}}
        queues.append([first, *(piece(part, index) for part in pieces), piece("", index, reason)])
    body = b""
    while queues:
        queue = data.draw(st.sampled_from(queues))
        body += event([queue.pop(0)])
        queues = [queue for queue in queues if queue]
    completion = read_answer(body + DONE, STREAM, len(choices))

    assert completion.texts == [text for text, *_ in choices]
    assert completion.reasoning == [thought or "" for _, thought, *_ in choices]
    assert completion.finish_reasons == [reason for *_, reason in choices]
