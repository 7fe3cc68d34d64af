"""The lines of journals: one for each answer that was paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from nemo_sdg.client.answer import completion_from
from nemo_sdg.errors import BadAnswerError
from nemo_sdg.report.latencies import bucket_of
from nemo_sdg.report.numbers import Counts

if TYPE_CHECKING:
    from collections.abc import Iterable


class Entry(msgspec.Struct, omit_defaults=True):
    """One line of a journal."""

    key: str
    latency: float
    """Seconds."""
    attempts: int
    throttles: int
    raw: dict[str, Any]
    """The whole body that the server sent."""
    hedged: int = 0
    forgotten: bool = False
    """Given up to ask again: never in use, but paid for."""


DIGEST = 24
"""Characters at the end of a key; what is before them says which row and which stage."""
PAID = (
    "requests",
    "attempts",
    "throttles",
    "hedged",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "latencies",
)
"""What of `Counts` the entries of a journal tell."""
_CHECK = 9  # characters before the JSON of a line: its CRC-32, and a space
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


def encode(entry: Entry) -> bytes:
    """Return the line of `entry`, without its end."""
    content = _encode(entry)
    return b"%08x %b" % (crc32(content), content)


def _decoded(line: bytes) -> Entry | None:
    """Return the entry of a line; None for one that a kill has torn or that was damaged since."""
    content = line[_CHECK:]
    if line[:_CHECK] != b"%08x " % crc32(content):
        return None
    try:
        return _decode(content)
    except msgspec.DecodeError:  # of another version
        return None


def read_entries(journals: Iterable[bytes]) -> list[Entry]:
    """Return the whole entries of a shard's journals; a torn or damaged line is no entry.

    One that is there several times, as when a kill came while journals were being replaced, counts once; it
    is forgotten if it is so anywhere.
    """
    found: dict[tuple[Any, ...], list[Entry]] = {}
    entries = []
    for journal in journals:
        for line in journal.split(b"\n"):
            entry = _decoded(line)
            if entry is None:
                continue
            alike = found.setdefault((entry.key, entry.latency, entry.attempts, entry.throttles), [])
            same = next((other for other in alike if other.raw == entry.raw), None)
            if same is None:
                alike.append(entry)
                entries.append(entry)
            else:
                same.forgotten |= entry.forgotten
    return entries


def paid_for(entries: Iterable[Entry]) -> Counts:
    """Return what was paid for `entries`, forgotten ones too; `reused` is the number of those in use."""
    counts = Counts()
    for entry in entries:
        counts.requests += 1
        counts.attempts += entry.attempts
        counts.throttles += entry.throttles
        counts.hedged += entry.hedged
        counts.reused += not entry.forgotten
        bucket = bucket_of(entry.latency)
        counts.latencies[bucket] = counts.latencies.get(bucket, 0) + 1
        try:
            usage = completion_from(entry.raw).usage
        except BadAnswerError:  # written by a version that read answers otherwise
            continue
        counts.prompt_tokens += usage.prompt_tokens
        counts.completion_tokens += usage.completion_tokens
        counts.reasoning_tokens += usage.reasoning_tokens
    return counts
