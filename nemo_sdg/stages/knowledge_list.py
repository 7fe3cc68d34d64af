"""From a list as models write it to lines of facts."""

from __future__ import annotations

import re

from nemo_sdg.errors import ParseError
from nemo_sdg.stages.shown import beginning
from nemo_sdg.stages.text_cleaner import TextCleaner

_BULLET = re.compile(r"[ \t]*(?:[-*+•‣◦▪●–—·・]+|\(?\d{1,3}[.)、．])(?:[ \t]+|(?<=[•‣◦▪●・、．])|\Z)")  # noqa: RUF001


class KnowledgeListCleaner(TextCleaner):
    """Makes one line of each item of a list, without its bullet or number and however deep it is nested.

    What a model says before the first item and, after an empty line, behind the last goes; lines that
    belong to an item come into its line. A text without bullets and numbers is a list of its lines. A row
    without any item is rejected with `ParseError`. Needs `column`; null stays null.
    """

    def clean(self, text: str) -> str:
        """Return the items, a line each."""
        items = list_items(text)
        if not items:
            raise ParseError(f"expected a list of facts; found {beginning(text)}")
        return "\n".join(items)


def list_items(text: str) -> list[str]:
    """Return the items of the list in `text`; see `KnowledgeListCleaner`."""
    lines = text.split("\n")
    bullets = [_BULLET.match(line) for line in lines]
    if not any(bullets):
        return [line.strip() for line in lines if line.strip()]
    items: list[str] = []
    open_item = False
    for line, bullet in zip(lines, bullets, strict=True):
        if bullet is not None:
            items.append(line[bullet.end() :].strip())
            open_item = True
        elif not line.strip():
            open_item = False
        elif open_item or (items and line[:1] in " \t"):
            items[-1] = f"{items[-1]} {line.strip()}".strip()
    return [item for item in items if item]
