"""Texts that occur more than once, and texts that nearly do."""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rensa import RMinHash

NEAR = 0.7
"""Share of word pairs in common from which texts are near; of three characters where words are not apart."""
_PERMUTATIONS, _BANDS = 128, 32  # 99.9 % of the pairs at `NEAR` are compared
_LOOKED_AT = 4_000
"""Characters of a text that are compared."""
_LEAST_PIECES = 6
"""Shorter texts are only compared as a whole."""
_MOST_COMPARED = 50
"""Candidates for one text: where all rows resemble each other, not every pair is needed."""
_MOST_GROUPS = 12
_EXAMPLES = 3
_WORD = re.compile(r"\w+")
_LONG_WORD = 12
"""Mean characters of a word, above which words are not apart, as in Chinese or Thai."""


class Example(NamedTuple):
    """A row of a group."""

    row_id: str
    text: str


class Group(NamedTuple):
    """Rows whose texts are the same or nearly so."""

    rows: int
    examples: list[Example]
    """The first row, and others that differ from it if there are any."""


class Duplicates(NamedTuple):
    """What was found among the rows that were looked at."""

    column: str
    rows: int
    """Rows that were looked at, those with a text."""
    exact: int
    """Rows that are a copy of another: without these no text would be there twice."""
    near: int
    """Rows that are nearly another, besides the copies."""
    exact_groups: list[Group]
    """The largest."""
    near_groups: list[Group]
    """The largest."""


def duplicates(column: str, texts: Iterable[tuple[str, str]]) -> Duplicates:
    """Return what is there more than once among `texts`, pairs of a row's id and its text.

    Near ones are found by MinHash: each text is compared with the first ones of the groups so far, so that
    time grows with the number of texts and not with its square.
    """
    first: dict[bytes, int] = {}
    copies: list[list[Example]] = []
    rows = 0
    for row_id, text in texts:
        if not text.strip():
            continue
        rows += 1
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        place = first.setdefault(digest, len(copies))
        if place == len(copies):
            copies.append([])
        copies[place].append(Example(row_id, text))
    groups = _near(copies)
    near = [group for group in groups if len(group) > 1]
    return Duplicates(
        column,
        rows,
        exact=rows - len(copies),
        near=sum(len(group) - 1 for group in near),
        exact_groups=_largest([Group(len(same), same[:_EXAMPLES]) for same in copies if len(same) > 1]),
        near_groups=_largest(
            [
                Group(
                    sum(len(copies[place]) for place in group),
                    [copies[place][0] for place in group[:_EXAMPLES]],
                )
                for group in near
            ]
        ),
    )


def _near(copies: Sequence[list[Example]]) -> list[list[int]]:
    """Return the places of different texts, in groups that resemble their first one."""
    from rensa import RMinHash, RMinHashLSH  # noqa: PLC0415 - only those who look for duplicates need it

    index = RMinHashLSH(NEAR, _PERMUTATIONS, _BANDS)
    firsts: dict[int, RMinHash] = {}
    groups: dict[int, list[int]] = {}
    for place, same in enumerate(copies):
        pieces = _pieces(same[0].text)
        groups[place] = [place]
        if len(pieces) < _LEAST_PIECES:
            continue
        digest = RMinHash(_PERMUTATIONS, 0)
        digest.update(pieces)
        candidates = index.query(digest)[:_MOST_COMPARED]
        best = max(candidates, key=lambda other: firsts[other].jaccard(digest), default=None)
        if best is not None and firsts[best].jaccard(digest) >= NEAR:
            groups[best].append(place)
            del groups[place]
        else:
            index.insert(place, digest)
            firsts[place] = digest
    return list(groups.values())


def _pieces(text: str) -> list[str]:
    words = _WORD.findall(text[:_LOOKED_AT].casefold())
    if sum(map(len, words)) > _LONG_WORD * len(words):
        whole = "".join(words)
        return [whole[start : start + 3] for start in range(len(whole) - 2)]
    return [f"{before} {after}" for before, after in itertools.pairwise(words)]


def _largest(groups: list[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: -group.rows)[:_MOST_GROUPS]
