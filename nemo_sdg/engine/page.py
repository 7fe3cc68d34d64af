"""The page of a run: what its rows are like, found out within bounds, and never in the way of the run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nemo_sdg.engine.detected import found_languages
from nemo_sdg.engine.sampled import MOST_ROWS, Bounds, rejected_lines, sampled_rows
from nemo_sdg.errors import OutputError
from nemo_sdg.report.analysis import Analysis, InputFile, analysis_of
from nemo_sdg.report.rejected import EXAMPLES, reason_of, rejected_groups
from nemo_sdg.report.text_columns import lengths, main_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemo_sdg.engine.folder import RunFolder
    from nemo_sdg.engine.manifest import Manifest
    from nemo_sdg.report.numbers import RunReport

_SECONDS = 10.0
"""In which rows are read, at most."""
_SECONDS_HURRIED, _ROWS_HURRIED = 1.0, 2_000
"""The same, and rows, where somebody waits for the end of a run that was told to stop."""
_REJECTED = "rejected/"
_REJECTED_BYTES = 16 << 20
_MOST_INPUTS = 40


def write_page(folder: RunFolder, manifest: Manifest, report: RunReport, *, hurried: bool = False) -> None:
    """Write `report.html` of the run in `folder`; raises `OutputError`, and nothing else, when it cannot.

    What goes wrong in looking at the rows is a note on the page. `hurried` looks at fewer, for a second.
    """
    analysis = Analysis(rows=report.counts.rows_written)
    seconds = _SECONDS_HURRIED if hurried else _SECONDS
    with _noted(analysis, "The rows could not be looked at"):
        parts = sorted(folder.parts())
        _look_at_rows(
            folder,
            [name for name in parts if not name.startswith(_REJECTED)],
            analysis,
            Bounds(seconds, _ROWS_HURRIED if hurried else MOST_ROWS),
        )
        analysis.inputs, analysis.more_inputs = _inputs(manifest)
        files = [name for name in parts if name.startswith(_REJECTED)]
        analysis.rejected, analysis.more_reasons = _rejected(folder, files, report.counts.rejected, seconds)
    try:
        folder.write_page(report, analysis)
    except OutputError:
        raise
    except Exception as error:
        raise OutputError(
            f"the page of {folder.url} cannot be made ({type(error).__name__}: {error}): "
            "report.json has the numbers; tell those who maintain nemo_sdg"
        ) from error


@contextmanager
def _noted(analysis: Analysis, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is made and paid for
        analysis.notes.append(f"{what}: {type(error).__name__}: {error}")


def _look_at_rows(folder: RunFolder, parts: Sequence[str], analysis: Analysis, bounds: Bounds) -> None:
    rows, unreadable = sampled_rows(folder.store, parts, bounds)
    if unreadable:
        analysis.notes.append(
            f"{unreadable:,} of the dataset's files cannot be read: nemo-sdg verify says which they are."
        )
    found = analysis_of(rows)
    for name in ("seen", "lengths", "tokens", "finished", "duplicates", "shown"):
        setattr(analysis, name, getattr(found, name))
    main = main_column(lengths(rows))
    if main is not None:
        with _noted(analysis, "The languages could not be detected"):
            analysis.languages = found_languages(rows, main, bounds)


def _rejected(
    folder: RunFolder, files: Sequence[str], numbers: Mapping[str, int], seconds: float
) -> tuple[list[Any], int]:
    missing = dict.fromkeys(numbers, EXAMPLES)
    examples = []
    for rejection in rejected_lines(folder.store, files, Bounds(seconds, most_bytes=_REJECTED_BYTES)):
        reason = reason_of(rejection)
        if missing.get(reason):
            examples.append(rejection)
            missing[reason] -= 1
            if not any(missing.values()):
                break
    return rejected_groups(numbers, examples)


def _inputs(manifest: Manifest) -> tuple[list[InputFile], int]:
    """Return the files that rows came from, as far as the source names them, and how many more there are."""
    found = {
        piece["file"]: InputFile(str(piece["file"]), str(piece["digest"]), piece.get("size"))
        for shard in manifest.shards
        for piece in shard.place.get("pieces", ())
        if isinstance(piece, dict) and "file" in piece and "digest" in piece
    }
    return list(found.values())[:_MOST_INPUTS], max(0, len(found) - _MOST_INPUTS)
