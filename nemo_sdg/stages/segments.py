"""Cutting a text into segments of at most so many tokens, at the best places there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.stages.token_counter import TokenCounter

TooLong = Literal["split", "drop"]

# White space belongs to what is before it, so that the parts together are the text.
_SENTENCE = re.compile(r"(?<=[.!?…؟۔।॥])[\"'”’»)\]]*\s+|(?<=[。！？｡])[」』”’）]*\s*|\n+")  # noqa: RUF001
_WORD = re.compile(r"\s+|(?<=[、，；：])")  # noqa: RUF001 - Chinese punctuation


def segments_of(
    text: str,
    counter: TokenCounter,
    max_tokens: int | None,
    *,
    min_tokens: int = 0,
    separator: str = "\n",
    too_long: TooLong = "split",
) -> list[str]:
    """Return `text` as segments of at most `max_tokens` tokens, in order.

    It is cut at `separator` only, and adjacent pieces stay together as far as the limit allows: so the
    segments joined by `separator` are the text. A piece that is too long by itself is cut between its
    sentences, words or characters, or left out (`too_long` "drop"); what is on its two sides then does not
    come together, for it was not adjacent. None for `max_tokens`: each piece is a segment.

    Where the last segment would have fewer than `min_tokens` tokens, pieces of the one before come to it, so
    that the end of a text need not be left out for being short.
    """
    pieces = [piece + separator for piece in text.split(separator)]
    if max_tokens is None:
        return [piece.removesuffix(separator) for piece in pieces]
    made: list[str] = []
    adjacent = False
    for run in _packed(pieces, counter, max_tokens, separator):
        if run.tokens > max_tokens:
            adjacent = False
            if too_long == "split":
                made += _split(run.text, counter, max_tokens)
            continue
        if adjacent and run.tokens < min_tokens:
            made[-1:] = _evened(made[-1], run.text, counter, (min_tokens, max_tokens), separator)
        else:
            made.append(run.text)
        adjacent = True
    return made


def _evened(
    first: str, second: str, counter: TokenCounter, bounds: tuple[int, int], separator: str
) -> tuple[str, str]:
    """Return the two adjacent segments with as many pieces moved to the second as it needs."""
    (least, most), before, after = bounds, first, second
    while separator in before and counter.counts([after])[0] < least:
        before, _, moved = before.rpartition(separator)
        after = f"{moved}{separator}{after}"
    fit = all(least <= tokens <= most for tokens in counter.counts([before, after]))
    return (before, after) if fit else (first, second)


class _Run(NamedTuple):
    """Adjacent pieces as one text; of more than the limit only when it is a single piece."""

    text: str
    tokens: int


def _packed(pieces: Sequence[str], counter: TokenCounter, limit: int, separator: str) -> Iterator[_Run]:
    """Yield as many adjacent pieces at a time as the limit allows.

    What fits is foretold by the pieces' own counts, and then counted as a whole: a tokenizer may take more
    or fewer tokens for texts together than for each alone.
    """
    *sizes, behind = counter.counts([*pieces, separator])  # the last separator is no part of a segment
    start = 0
    while start < len(pieces):
        end, size = start + 1, sizes[start]
        while end < len(pieces) and size + sizes[end] - behind <= limit:
            size += sizes[end]
            end += 1
        while True:
            text = "".join(pieces[start:end]).removesuffix(separator)
            tokens = counter.counts([text])[0]
            if tokens <= limit or end - start == 1:
                break
            # A tenth at a time, so that a forecast which is far off does not cost a count for each piece.
            end -= max(1, (end - start) // 10)
        yield _Run(text, tokens)
        start = end


def _split(text: str, counter: TokenCounter, limit: int) -> list[str]:
    """Return a text over the limit in parts of at most `limit` tokens; together they are the text."""
    for pattern in (_SENTENCE, _WORD):
        pieces = _cut(pattern, text)
        if len(pieces) > 1:
            made: list[str] = []
            for run in _packed(pieces, counter, limit, ""):
                made += [run.text] if run.tokens <= limit else _split(run.text, counter, limit)
            return made
    return _characters(text, counter, limit)


def _cut(pattern: re.Pattern[str], text: str) -> list[str]:
    ends = [match.end() for match in pattern.finditer(text) if 0 < match.end() < len(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _characters(text: str, counter: TokenCounter, limit: int) -> list[str]:
    """Return halves of halves; a single character is not cut, whatever it takes."""
    if len(text) <= 1 or counter.counts([text])[0] <= limit:
        return [text]
    middle = len(text) // 2
    return _characters(text[:middle], counter, limit) + _characters(text[middle:], counter, limit)
