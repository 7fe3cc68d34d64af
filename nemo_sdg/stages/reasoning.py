"""Telling a model's reasoning from its answer, where both are one text."""

from __future__ import annotations

_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
)
_END = "</think>"


def split_reasoning(text: str) -> tuple[str | None, str]:
    """Return the reasoning that `text` begins with, None where there is none, and the answer after it.

    An answer that was cut off within its reasoning is all reasoning. Where the chat template opens the
    reasoning, the text has only the tag that ends it.
    """
    thoughts: list[str] = []
    rest = text.lstrip()
    while tags := next((pair for pair in _TAGS if rest.startswith(pair[0])), None):
        thought, _, rest = rest[len(tags[0]) :].partition(tags[1])
        thoughts.append(thought.strip())
        rest = rest.lstrip()
    if thoughts:
        return "\n\n".join(filter(None, thoughts)) or None, rest
    before, end, after = text.partition(_END)
    if end and "<think>" not in before and not rest.startswith("{"):  # in JSON the tag is a part of a value
        return before.strip() or None, after.lstrip()
    return None, text
