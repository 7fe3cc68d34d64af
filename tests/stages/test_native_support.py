from __future__ import annotations

import asyncio

import pytest

from nemo_sdg.client import Completion
from nemo_sdg.errors import BadRequestError, ContextLengthError, ServerError
from nemo_sdg.stages.native_support import NativeSupport


class Server:
    """Counts what it is asked, and does what it is told."""

    def __init__(self, natively="{}", in_words="{}") -> None:
        self.said = {"natively": natively, "in_words": in_words}
        self.asked = {"natively": 0, "in_words": 0}
        self.most = self.now = 0

    async def _answer(self, way):
        self.asked[way] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001)
        self.now -= 1
        said = self.said[way]
        if isinstance(said, Exception):
            raise said
        return Completion([said], ["stop"])

    def natively(self):
        """Ask with the field."""
        return self._answer("natively")

    def in_words(self):
        """Ask without it."""
        return self._answer("in_words")


def ask(server, times, support=None):
    """Return what comes of so many requests at once."""
    support = support or NativeSupport()

    async def all_at_once():
        asked = (support.ask(server.natively, server.in_words) for _ in range(times))
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(all_at_once())


REFUSED = BadRequestError("unknown field", status=400)


@pytest.mark.parametrize(
    ("natively", "expected"),
    [
        ("{}", {"natively": 20, "in_words": 0}),
        ("<think>hm</think>{}", {"natively": 20, "in_words": 0}),
        ("", {"natively": 20, "in_words": 0}),
        ("Sure!", {"natively": 1, "in_words": 19}),
        (REFUSED, {"natively": 1, "in_words": 20}),
    ],
)
def test_one_request_finds_out(natively, expected):
    """A server that refuses the field, or passes it over, is asked with it once; no request fails for it."""
    server = Server(natively)

    made = ask(server, 20)

    assert server.asked == expected
    assert all(isinstance(each, Completion) for each in made)
    assert server.most == 19  # those after the first go out at once


def test_a_refused_prompt_says_nothing_of_the_server():
    """When both ways are refused it is that prompt's fault, and the next request finds out."""
    support = NativeSupport()
    made = ask(Server(REFUSED, BadRequestError("bad prompt", status=400)), 3, support)

    assert [str(each) for each in made] == ["bad prompt"] * 3
    assert support.known is None


@pytest.mark.parametrize("error", [ContextLengthError("too long", status=400), BadRequestError("unsent")])
def test_what_is_about_the_prompt_is_not_asked_in_words(error):
    """A prompt that is too long, or cannot be sent, is not tried the other way."""
    server = Server(error)

    assert ask(server, 1) == [error]
    assert server.asked["in_words"] == 0


def test_a_failing_server_holds_nobody_up():
    """When the first request fails otherwise, the others no longer wait for each other."""
    server = Server(ServerError("down"))

    ask(server, 20)

    assert server.most == 19


def test_a_server_that_changes_its_mind_is_followed():
    """One that takes the field and later refuses it costs no row: those are asked in words from then on."""
    support = NativeSupport()
    ask(Server(), 1, support)
    server = Server(REFUSED)

    made = [ask(server, 1, support), ask(server, 1, support)]

    assert all(isinstance(each[0], Completion) for each in made)
    assert server.asked == {"natively": 1, "in_words": 2}
