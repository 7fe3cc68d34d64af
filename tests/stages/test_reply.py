from __future__ import annotations

from nemo_sdg.client.answer import completion_from
from nemo_sdg.stages.reply import reply_of


def completion(*messages, details=None, reason="stop"):
    """Return a completion with these messages, the last one first as servers may send them."""
    choices = [
        {"index": index, "message": message, "finish_reason": reason}
        for index, message in enumerate(messages)
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 9}
    if details is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": details}
    return completion_from({"model": "m", "choices": choices[::-1], "usage": usage})


def test_reasoning_of_the_server_is_taken():
    """The server's field wins, and a text beside it is not split."""
    for field in ("reasoning_content", "reasoning"):
        said = completion({"content": "<think>a</think>b", field: "hm"}, details=7)

        reply = reply_of(said, 0, split=True)
        assert (reply.text, reply.reasoning, reply.reasoning_tokens) == ("<think>a</think>b", "hm", 7)


def test_a_text_is_split_when_asked():
    """Reasoning in the text is split off when asked, and its tokens are unknown where nobody counted them."""
    said = completion({"content": "<think>a</think>b"})

    assert reply_of(said, 0, split=True)[:2] == ("b", "a")
    assert reply_of(said, 0, split=True).reasoning_tokens is None
    assert reply_of(said, 0, split=False)[:2] == ("<think>a</think>b", None)
    assert reply_of(said, 0, split=False).reasoning_tokens == 0


def test_a_refusal_is_its_choice_s():
    """A refusal is found for its choice, whatever the order that the server sends choices in."""
    said = completion({"content": "yes"}, {"content": None, "refusal": "I cannot."})

    assert reply_of(said, 0, split=True).refusal is None
    assert reply_of(said, 1, split=True).refusal == "I cannot."


def test_tokens_of_turns_add_up():
    """A correction's reply counts the tokens of what it corrects."""
    first = reply_of(completion({"content": "a"}, details=2), 0, split=True)
    last = reply_of(completion({"content": "b"}, details=3), 0, split=True)

    total = last.after(first)
    assert (total.text, total.prompt_tokens, total.completion_tokens, total.reasoning_tokens) == (
        "b",
        6,
        18,
        5,
    )
    assert total.after(first._replace(reasoning_tokens=None)).reasoning_tokens is None
