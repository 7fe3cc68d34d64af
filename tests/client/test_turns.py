from __future__ import annotations

import pytest

from nemo_sdg.client.turns import check_order, misplaced, split_system, text_of
from nemo_sdg.errors import TemplateError


def turns(roles):
    """Return a conversation of "s", "u", "a" and other roles by their first letters."""
    names = {"s": "system", "u": "user", "a": "assistant", "t": "tool", "d": "developer"}
    return [{"role": names[role], "content": f"{role}{place}"} for place, role in enumerate(roles)]


@pytest.mark.parametrize("roles", ["u", "su", "uau", "duau"])
def test_right_order(roles):
    """User and assistant in turn, the user first, perhaps after the system."""
    check_order(turns(roles), ends_with_user=True)
    assert misplaced(turns(roles)) is None


@pytest.mark.parametrize(
    ("roles", "shown"),
    [
        ("a", r"turn 1 of 1 \(role 'assistant', content 'a0'\).*should be the user's"),
        ("uu", r"turn 2 of 2 \(role 'user', content 'u1'\).*should be the assistant's"),
        ("saa", r"turn 2 of 3 \(role 'assistant', content 'a1'\).*should be the user's"),
        ("us", r"turn 2 of 2 \(role 'system', content 's1'\)"),
        ("uat", r"turn 3 of 3 \(role 'tool', content 't2'\)"),
        ("ua", r"turn 2 of 2 \(role 'assistant', content 'a1'\) ends the conversation"),
        ("", "has no turn of the user"),
        ("s", "has no turn of the user"),
    ],
)
def test_wrong_order(roles, shown):
    """Any other order is an error that shows the turn."""
    with pytest.raises(TemplateError, match=shown):
        check_order(turns(roles), ends_with_user=True)


def test_ends_with_an_answer():
    """A conversation may end with an answer where nothing is to follow."""
    check_order(turns("sua"), ends_with_user=False)


def test_texts():
    """Text comes from a string or from parts of text; anything else is an error that shows the turn."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert text_of([{"role": "user", "content": parts}], 0) == "a\nb"
    assert split_system(turns("su")) == ("s0", turns("su")[1:])
    for content in (None, [{"type": "image_url"}], [3]):
        with pytest.raises(TemplateError, match=r"turn 1 of 1 \(role 'user'.*has no text"):
            text_of([{"role": "user", "content": content}], 0)
