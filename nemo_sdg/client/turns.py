"""The order of the turns of a conversation, and the errors about it."""

from __future__ import annotations

from typing import Any

from nemo_sdg.client.shown import shown
from nemo_sdg.errors import TemplateError

_LIKE_SYSTEM = ("system", "developer")
_MOST = 120  # characters of a turn to show


def split_system(conv: list[dict[str, Any]]) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the text of the system's turn that may begin `conv`, and the others."""
    if conv and conv[0].get("role") in _LIKE_SYSTEM:
        return text_of(conv, 0), conv[1:]
    return None, conv


def check_order(conv: list[dict[str, Any]], *, ends_with_user: bool) -> None:
    """Raise `TemplateError`, which shows the turn, unless user and assistant alternate, the user first."""
    place = misplaced(conv)
    if place is not None:
        expected = "assistant" if _spoken(conv, place) % 2 else "user"
        raise TemplateError(f"{turn_at(conv, place)} is out of order: it should be the {expected}'s")
    if not conv or conv[-1].get("role") in _LIKE_SYSTEM:
        raise TemplateError("the conversation has no turn of the user: nothing asks for an answer")
    if ends_with_user and conv[-1]["role"] != "user":
        raise TemplateError(
            f"{turn_at(conv, len(conv) - 1)} ends the conversation, so that nothing asks for an answer: the "
            "last turn should be the user's, or set add_generation_prompt to False"
        )


def misplaced(conv: list[dict[str, Any]]) -> int | None:
    """Return the place of the first turn out of order: a system's may begin, then the two alternate."""
    for place, turn in enumerate(conv):
        role = turn.get("role")
        if place == 0 and role in _LIKE_SYSTEM:
            continue
        if role != ("assistant" if _spoken(conv, place) % 2 else "user"):
            return place
    return None


def turn_at(conv: list[dict[str, Any]], place: int) -> str:
    """Return words for a turn, with what it says."""
    turn = conv[place]
    said = shown(turn.get("content"), _MOST)
    return f"turn {place + 1} of {len(conv)} (role {shown(turn.get('role'), 40)!r}, content {said!r})"


def text_of(conv: list[dict[str, Any]], place: int) -> str:
    """Return the text of a turn, of all its parts; raises `TemplateError` when it has something else."""
    content = conv[place].get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else None for part in content]
        if all(isinstance(part, str) for part in parts):
            return "\n".join(part for part in parts if part is not None)
    if not isinstance(content, str):
        raise TemplateError(f"{turn_at(conv, place)} has no text: this format has room for text only")
    return content


def _spoken(conv: list[dict[str, Any]], place: int) -> int:
    """Return how many turns of the two are before `place`."""
    return place - (conv[0].get("role") in _LIKE_SYSTEM)
