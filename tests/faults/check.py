"""What must hold of a finished dataset, whatever happened on the way to it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from faults import odd_rows

if TYPE_CHECKING:
    from pathlib import Path

PART = re.compile(r"part-(\d{5})\.(parquet|jsonl)")
REPORTS = {"report.json", "report.html", "README.md"}


@dataclass
class Found:
    """What is wrong with a dataset; nothing, when it is as if nothing had happened."""

    lost: int = 0
    """Rows that are in neither the dataset nor rejected/, and should be."""
    twice: int = 0
    """Rows too many."""
    wrong: list[str] = field(default_factory=list)
    """Whatever else."""
    litter: int = 0
    """Hidden files that a kill left behind: no fault, for nobody reads them."""

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.lost or self.twice or self.wrong)


def rows_of(output: Path) -> pa.Table:
    """Return the dataset, sorted by row."""
    tables = [_read(file) for file in sorted(output.iterdir()) if PART.fullmatch(file.name)]
    return pa.concat_tables(tables, promote_options="default").sort_by("row_id")


def rejected_rows(output: Path) -> list[int]:
    """Return the rows in rejected/."""
    files = sorted((output / "rejected").glob("*.jsonl"))
    return [json.loads(line)["row_id"] for file in files for line in file.read_text().splitlines()]


def check(output: Path, rows: int, undisturbed: pa.Table | None = None) -> Found:
    """Compare the dataset in `output` with what `rows` rows must give, and with an undisturbed run's."""
    found = Found()
    expected = {
        "written": set(range(rows)) - odd_rows.rejected(range(rows)) - odd_rows.left_out(range(rows)),
        "rejected": odd_rows.rejected(range(rows)),
    }
    try:
        table = rows_of(output)
        there = {"written": table.column("row_id").to_pylist(), "rejected": rejected_rows(output)}
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        found.wrong.append(f"the dataset cannot be read: {error}")
        return found
    for kind, numbers in there.items():
        found.lost += len(expected[kind] - set(numbers))
        found.twice += sum(times - 1 for times in Counter(numbers).values())
        if more := set(numbers) - expected[kind]:
            found.wrong.append(f"rows that should not be {kind}: {sorted(more)[:10]}")
    if undisturbed is not None and not found and not table.equals(undisturbed):
        found.wrong.append("the rows are others than those of an undisturbed run")
    found.wrong += [*_wrong_files(output), *_wrong_report(output, rows, expected)]
    found.litter = sum(file.name.startswith(".") for file in output.rglob("*"))
    return found


def _read(file: Path) -> pa.Table:
    if file.suffix == ".parquet":
        return pq.read_table(file)
    return pa.Table.from_pylist([json.loads(line) for line in file.read_text().splitlines()])


def _wrong_files(output: Path) -> list[str]:
    names = [file.name for file in output.iterdir() if file.is_file() and not file.name.startswith(".")]
    parts = [match for name in names if (match := PART.fullmatch(name))]
    strangers = [name for name in names if not PART.fullmatch(name) and name not in REPORTS]
    wrong = [f"{name} is no file of a dataset" for name in strangers]
    shards = Counter(match[1] for match in parts)
    wrong += [f"shard {shard} has {times} parts" for shard, times in shards.items() if times > 1]
    return wrong


def _wrong_report(output: Path, rows: int, expected: dict[str, set[int]]) -> list[str]:
    try:
        report = msgspec.json.decode((output / "report.json").read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        return [f"report.json cannot be read: {error}"]
    counts = report["counts"]
    told = {
        "state": report["state"],
        "rows": report["rows_total"],
        "read": counts["rows_read"],
        "written": counts["rows_written"],
        "rejected": sum(counts["rejected"].values()),
        "filtered": sum(counts["filtered"].values()),
    }
    true = {
        "state": "finished",
        "rows": rows,
        "read": rows,
        "written": len(expected["written"]),
        "rejected": len(expected["rejected"]),
        "filtered": rows - len(expected["written"]) - len(expected["rejected"]),
    }
    wrong = [key for key, value in true.items() if told[key] != value]
    return [f"report.json says {key} {told[key]}, not {true[key]}" for key in wrong]
