from __future__ import annotations

import asyncio

import pytest

from nemo_sdg import GenerationConfig, OpenAIClient
from nemo_sdg.client.answer import completion_from
from nemo_sdg.errors import BadRequestError, ConfigError, ServerError
from nemo_sdg.stages.reply import reply_of
from nemo_sdg.stages.structured import StructuredAnswers

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "A number."}]
INSTRUCTION = "Answer with one JSON object"


def said(text, reason="stop", **message):
    """Return a completion of one text."""
    choice = {"message": {"content": text, **message}, "finish_reason": reason}
    return completion_from({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}})


def settle(answers, turns=1):
    """Return what comes of `answers`, the first one and its corrections, and the turns of each correction."""
    seen = []

    async def again(turns):
        seen.append(list(turns))
        answer = answers[len(seen)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    structured = StructuredAnswers(SCHEMA, turns, "auto")
    return asyncio.run(structured.settle(reply_of(answers[0], 0, split=True), again)), seen


def test_a_good_answer_needs_no_turn():
    """An answer that follows the schema is read, and nothing more is asked."""
    settled, seen = settle([said('{"n": 1}')])

    assert (settled.values, settled.fault, seen) == ({"n": 1}, None, [])


def test_a_wrong_answer_is_shown_with_its_fault():
    """A wrong answer goes back with what is wrong, without its reasoning; tokens of all turns are counted."""
    settled, seen = settle([said('<think>x</think>{"n": "many"}'), said('{"n": 2}')])

    assert settled.values == {"n": 2}
    assert (settled.reply.prompt_tokens, settled.reply.completion_tokens) == (2, 4)
    assert [turn["role"] for turn in seen[0]] == ["assistant", "user"]
    assert seen[0][0]["content"] == '{"n": "many"}'
    assert "n: 'many' is not of type 'integer'" in seen[0][1]["content"]


def test_turns_end():
    """After so many turns the row's fault is the last one, and says how many there were."""
    settled, seen = settle([said("a"), said(""), said('{"n": null}')], turns=2)

    assert [len(turns) for turns in seen] == [2, 4]
    assert seen[1][2]["content"] == "(no answer)"
    assert str(settled.fault) == "n: None is not of type 'integer' (after 2 correction turns)"
    assert settled.reply.text == '{"n": null}'


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (said('{"n": 1', "length"), "cut off at max_tokens .*--retry truncated"),
        (said("<think>on and on", "length"), "cut off at max_tokens"),
        (said('{"n":', "content_filter"), "expected a JSON object"),
        (said(None, refusal="I cannot."), "the model refuses to answer: I cannot."),
    ],
)
def test_what_no_turn_helps_is_not_corrected(answer, fault):
    """An answer that was cut off, filtered or refused is not asked again, nor mended to a part of itself."""
    settled, seen = settle([answer])

    assert settled.fault is not None
    with pytest.raises(type(settled.fault), match=fault):
        raise settled.fault
    assert seen == []


def test_what_is_whole_although_cut_off_counts():
    """An object that was whole when the answer was cut off is taken."""
    assert settle([said('{"n": 1} and so', "length")])[0].values == {"n": 1}


def test_a_refused_turn_leaves_the_fault():
    """When the correction itself is refused, as too long, the reason is the fault and that."""
    settled, _ = settle([said("a"), BadRequestError("too long", status=400)])

    assert "found 'a'; asking to correct it failed: too long" in str(settled.fault)


def test_a_failed_turn_is_a_failed_request():
    """When the correction fails for the server's sake, that is the row's failure: the answer stays in use."""
    with pytest.raises(ServerError):
        settle([said("a"), ServerError("down")])


def asked(way, messages, turns=(), **config):
    """Return what is sent."""
    sent = []

    async def send(messages, config):
        sent.append((messages, config))
        return said("{}")

    structured = StructuredAnswers(SCHEMA, 1, way)
    client = OpenAIClient(base_url="http://127.0.0.1:9", api_key="none").asynchronous
    config = GenerationConfig(**config)
    asyncio.run(structured.ask(client, "m", send, messages=messages, turns=turns, config=config))
    return sent[0]


def test_natively_the_field_is_sent():
    """The field stands among the other fields of the request; the messages are as they were."""
    messages, config = asked("native", ASKED, extra_kwargs={"min_p": 0.1})

    assert messages == ASKED
    assert config.extra_kwargs["min_p"] == 0.1
    assert config.extra_kwargs["response_format"]["json_schema"]["schema"]["required"] == ["n"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A number.", lambda content: content.startswith(f"A number.\n\n{INSTRUCTION}")),
        ([{"type": "image"}], lambda content: content[1]["text"].startswith(INSTRUCTION)),
        (None, lambda content: content.startswith(INSTRUCTION)),
    ],
)
def test_in_words_the_last_prompt_is_extended(content, told):
    """The schema stands at the end of the user's last message, before any turns; nothing given is changed."""
    given = [{"role": "user", "content": content}, {"role": "assistant", "content": "So:"}]
    turns = [{"role": "user", "content": "No."}]

    messages, config = asked("prompt", given, turns)

    assert told(messages[0]["content"])
    assert messages[1:] == [given[1], *turns]
    assert given[0]["content"] == content
    assert config.extra_kwargs is None


def test_in_words_without_a_user():
    """A conversation without a user's message gets one."""
    assert asked("prompt", [ASKED[0]])[0][1]["role"] == "user"


@pytest.mark.parametrize(
    ("turns", "way"), [(-1, "auto"), (11, "auto"), (True, "auto"), (1.5, "auto"), (1, "json")]
)
def test_wrong_arguments_are_named(turns, way):
    """A number of turns or a way that there is not is a ConfigError."""
    with pytest.raises(ConfigError, match=r"^(correction_turns|structured) is"):
        StructuredAnswers(SCHEMA, turns, way)
