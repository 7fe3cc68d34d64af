"""What may have become of a run folder between two runs: torn, garbled and stray files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path


def journals(output: Path) -> list[Path]:
    """Return the files of paid answers."""
    found = sorted((output / "_run" / "answers").rglob("*.jsonl"))
    assert found, "answers lie elsewhere by now"
    return found


def marks(output: Path) -> list[Path]:
    """Return the marks of committed shards."""
    found = sorted((output / "_run" / "done").glob("*.json"))
    assert found, "marks lie elsewhere by now"
    return found


def uncommit(output: Path, shards: int) -> list[str]:
    """Take away the marks of so many shards, as if a kill had come before them; return the shards."""
    some = marks(output)[:shards]
    for mark in some:
        mark.unlink()
    return [mark.stem for mark in some]


def tear(file: Path, chance: random.Random) -> int:
    """Cut a file off at a random byte; return how many lines are not whole any more."""
    content = file.read_bytes()
    rest = content[: chance.randrange(1, len(content))]
    file.write_bytes(rest)
    return content.count(b"\n") - rest.count(b"\n")


def garble(file: Path, chance: random.Random, length: int = 40) -> int:
    """Write random bytes over the middle of a file; return how many lines may be damaged."""
    content = bytearray(file.read_bytes())
    start = chance.randrange(len(content) - length)
    hit = content[start : start + length].count(b"\n") + 1
    # Bytes that are nowhere in UTF-8: a letter for a letter would be another answer, which nobody could tell.
    nowhere = (0xC0, 0xC1, *range(0xF5, 0x100))
    content[start : start + length] = bytes(chance.choice(nowhere) for _ in range(length))
    file.write_bytes(bytes(content))
    return hit


def empty(file: Path) -> int:
    """Leave nothing of a file; return how many lines it had."""
    lines = file.read_bytes().count(b"\n")
    file.write_bytes(b"")
    return lines


def strew(output: Path) -> None:
    """Put in what killed runs, of older versions too, leave behind."""
    run = output / "_run"
    aside = "0123456789abcdef" * 2
    (output / f".part-00003.parquet.{aside}").write_bytes(b"PAR1 half of a par")
    (run / "done" / f".00003.json.{aside}").write_bytes(b'{"index": 3, "cou')
    (run / f".manifest.json.{aside}").write_bytes(b"")
    (run / "lock").write_text("1\n")
    (run / "stop").touch()
    (run / "workers").mkdir(exist_ok=True)
    (run / "workers" / "0123456789ab.json").write_bytes(b'{"time": 9999999999.0, "coun')
