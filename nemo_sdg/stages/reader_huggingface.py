"""Reading datasets that Hugging Face's `datasets` has saved to disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.arrow_files import opened, parts
from nemo_sdg.stages.input_files import find_files
from nemo_sdg.stages.shard_pieces import no_rows
from nemo_sdg.stages.table_source import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.stages.table_files import Part

_STATE = "state.json"
_DICT = "dataset_dict.json"
SAVED = (_STATE, _DICT)
"""Of which files a folder that `save_to_disk` has made holds one."""


class HuggingFaceReader(TableSource):
    """Reads rows of a dataset that was saved with `save_to_disk`, without the `datasets` package.

    `path` is the folder. Where it holds several splits, `split` names the one to read. `columns` are those
    to read (None: all). Class labels are the numbers that are saved. Text that is no UTF-8 rejects its row.

    Adds `row_id` (int64: position in the dataset) and the dataset's columns; those that are called `row_id`
    or `status` are kept as `source_row_id` and `source_status`. Raises `ConfigError` for a folder that
    `save_to_disk` has not made, a split that is not there or not named, and files that cannot be read.
    """

    def __init__(
        self, path: str | Path, *, split: str | None = None, columns: Sequence[str] | None = None
    ) -> None:
        if not isinstance(path, (str, Path)) or not str(path):
            raise ConfigError(f"path is {path!r}: give the folder that save_to_disk has made")
        self.split = split
        folder = _split_in(Path(path).expanduser().absolute(), split)
        files = _data_files(folder)
        if not files:
            raise no_rows(str(path))
        super().__init__(path, columns, [opened(file) for file in find_files(files, (".arrow",))])

    def _parts(self, file: str, first: int, rows: int, columns: Sequence[str]) -> Iterator[Part]:
        return parts(file, first, rows, columns)


def _split_in(folder: Path, split: str | None) -> Path:
    """Return the folder of the split that is wanted: the only one, where none is named."""
    if not (folder / _DICT).exists():
        if split is None:
            return folder
        saved = _json(folder / _STATE).get("_split")
        if saved != split:
            raise ConfigError(
                f"split is {split!r}, but {folder} is of {saved!r}: leave split out or name that"
            )
        return folder
    splits = _json(folder / _DICT).get("splits")
    if not isinstance(splits, list) or not all(isinstance(one, str) for one in splits):
        raise _damaged(folder / _DICT)
    if split is None and len(splits) == 1:
        return folder / str(splits[0])
    if split not in splits:
        raise ConfigError(f"split is {split!r}, but {folder} has {', '.join(splits)}: name one of them")
    return folder / str(split)


def _data_files(folder: Path) -> list[Path]:
    state = _json(folder / _STATE)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise ConfigError(
            f"{folder} holds a selection of rows, as old versions of datasets saved it: save it anew, after "
            "flatten_indices()"
        )
    try:
        return [folder / Path(file["filename"]).name for file in state["_data_files"]]
    except (KeyError, TypeError):
        raise _damaged(folder / _STATE) from None


def _json(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"{file.parent} has no {file.name}: give the folder that save_to_disk has made; for files of "
            "Parquet, JSON Lines or CSV take their readers"
        ) from None
    except (OSError, msgspec.DecodeError):
        raise _damaged(file) from None


def _damaged(file: Path) -> ConfigError:
    return ConfigError(f"{file} cannot be read: save the dataset anew with save_to_disk")
