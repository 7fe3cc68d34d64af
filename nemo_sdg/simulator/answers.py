"""What the simulated model says to a conversation: deterministic, in the language and form asked for."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

from nemo_sdg.simulator.given_text import GivenText, given_text
from nemo_sdg.simulator.languages import language_of
from nemo_sdg.simulator.phrases import Language, make_pair

Form = Literal["labels", "json", "text", "answer", "markdown"]

# Classifying a prompt is remembered for prompts up to this length: jobs ask the same ones again and again.
_REMEMBERED_LENGTH = 2_000

_CODE = re.compile(r"\[[A-Z]{2}\]")
_JSON = re.compile(r"\bJSON\b")
_QUESTION_MARKS = ("?", "？", "؟")  # noqa: RUF001 - Chinese and Arabic


class Wish(NamedTuple):
    """What a prompt asks for."""

    language: Language
    form: Form
    code: bool
    """Whether the text is to begin with the language's code, as in "[EN] "."""
    given: GivenText | None = None
    """What is to be worked on, where the form is "text"."""


def wish_of(instructions: str, user: str) -> Wish:
    """Read a prompt: `instructions` are the system messages, `user` the last user message."""
    if len(instructions) + len(user) <= _REMEMBERED_LENGTH:
        return _remembered(instructions, user)
    return _read(instructions, user)


def _read(instructions: str, user: str) -> Wish:
    # A plain search first: it is many times faster than a pattern, and prompts may hold whole documents.
    whole = f"{instructions}\n{user}" if instructions else user
    form: Form = "markdown"
    given = given_text(user)
    if "Question:" in whole and "Answer:" in whole:
        form = "labels"
    elif given is not None and given.wanted:
        form = "text"
    elif "JSON" in whole and _JSON.search(whole):
        form = "json"
    elif user.rstrip().endswith(_QUESTION_MARKS):
        form = "answer"
    code = ("[" in whole and _CODE.search(whole) is not None) or "language code" in whole
    return Wish(language_of(user if given is None else given.instructions), form, code, given)


_remembered = lru_cache(maxsize=2_048)(_read)


def answer(wish: Wish, key: bytes) -> str:
    """Return the text for a wish; `key` decides which of the thousands of pairs it is."""
    number = int.from_bytes(blake2b(key, digest_size=8).digest(), "little")
    language = wish.language
    if wish.form == "text" and wish.given is not None:
        return wish.given.worked_on(number)
    pair = make_pair(language, number)
    if wish.form == "answer":
        return pair.answer
    if wish.form == "json":
        record = {"question": pair.question, "answer": pair.answer, "language": language.name}
        return msgspec.json.encode(record).decode()
    if wish.form == "labels":
        text = f"Question: {pair.question}\nAnswer: {pair.answer}"
    else:
        text = f"**Question:** {pair.question}\n\n**Answer:** {pair.answer}"
    return f"[{language.code}] {text}" if wish.code else text


def count_tokens(text: str) -> int:
    """Return about how many tokens a text has: a quarter of its UTF-8 bytes, rounded up.

    Fast rather than exact: within a factor of two of what real tokenisers count.
    """
    return (len(text.encode()) + 3) // 4


def cut_tokens(text: str, tokens: int) -> str:
    """Return the longest beginning of the text that has at most so many tokens."""
    return text.encode()[: tokens * 4].decode(errors="ignore")
