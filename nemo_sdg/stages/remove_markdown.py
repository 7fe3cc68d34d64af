"""Text without the marks of markdown."""

from __future__ import annotations

import re

from nemo_sdg.stages.text_cleaner import TextCleaner

_FENCE = re.compile(r"^[ \t]{0,3}(?:```+|~~~+)[^\n`]*$\n?", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,})$\n?", re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]{0,3}>[ \t]?", re.MULTILINE)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]\[\n]*)\]\((?:[^()\s]|\([^()\s]*\))*(?:[ \t]+\"[^\"\n]*\")?\)")
_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)([^`\n]+)\1(?!`)")
# A mark opens in front of and closes behind what is no space, and stars or underscores inside words and
# numbers, as in 2*3*4 and snake_case, are none.
_MARKED = tuple(
    re.compile(rf"(?<![\w*_\\]){mark}(?=[^\s*_])([^\n]{{0,1000}}?[^\s\\])?{mark}(?![\w*_]|\.\w)")
    for mark in (r"\*\*\*", r"___", r"\*\*", r"__", r"\*", r"_", r"~~")
)
# Chinese and Japanese put no space around what is bold.
_BOLD_INSIDE = re.compile(r"\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*(?![0-9])")
_ESCAPED = re.compile(r"\\([*_`#>\[\]~-])")
_SEVERAL_EMPTY_LINES = re.compile(r"\n{3,}")


class MarkdownRemover(TextCleaner):
    """Removes emphasis, headings, code, links, quotes and rules of markdown, and keeps what they mark.

    Lists stay as they are, for a dash in front of a line says something. Stars and underscores that mark
    nothing, as in 2*3*4 and snake_case, stay too. Needs `column`; null stays null.
    """

    def clean(self, text: str) -> str:
        """Return `text` without marks."""
        return without_markdown(text)


def without_markdown(text: str) -> str:
    """Return `text` without the marks of markdown; see `MarkdownRemover`."""
    for pattern in (_FENCE, _RULE, _QUOTED):
        text = pattern.sub("", text)
    text = _HEADING.sub(r"\1", text)
    text = _IMAGE_OR_LINK.sub(r"\1", text)
    text = _CODE.sub(r"\2", text)
    for pattern in _MARKED:
        text = pattern.sub(r"\1", text)
    text = _BOLD_INSIDE.sub(r"\1", text)
    text = _ESCAPED.sub(r"\1", text)
    return _SEVERAL_EMPTY_LINES.sub("\n\n", text).strip()
