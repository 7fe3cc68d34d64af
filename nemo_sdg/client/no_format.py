"""The conversation that is a prompt already."""

from __future__ import annotations

from typing import Any

from nemo_sdg.client.conversation import ConversationFormatter
from nemo_sdg.client.turns import text_of, turn_at
from nemo_sdg.errors import TemplateError


class NoFormat(ConversationFormatter):
    """Passes the text of the one turn on as it is, as base models want it.

    Raises `TemplateError` for a conversation that is not exactly one turn of the user.
    """

    def format_conversation(self, conv: list[dict[str, Any]]) -> str:
        """Return the text of the turn."""
        if not conv:
            raise TemplateError("the conversation is empty: NoFormat takes one turn of the user")
        wrong = 0 if conv[0].get("role") != "user" else 1 if len(conv) > 1 else None
        if wrong is not None:
            raise TemplateError(f"{turn_at(conv, wrong)} has no place: NoFormat takes one turn of the user")
        return text_of(conv, 0)
