"""The parts of a dataset card that are data: its front matter, and the steps that made the rows."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from nemo_sdg.redact import redacted
from nemo_sdg.report.text import without_surrogates

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
"""As the hub names them."""
_FENCES = re.compile(r"`{3,}")


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such: prompts are there to be read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def front_matter(report: RunReport, suffix: str, licence: str | None) -> str:
    """Return the YAML by which the hub and `datasets` know what a dataset is and which files are its rows."""
    size = next((name for most, name in _SIZES if report.counts.rows_written < most), "n>1T")
    return _yaml(
        {
            **({"license": licence} if licence else {}),
            **({"language": report.languages} if report.languages else {}),
            "size_categories": [size],
            **({"tags": ["synthetic"]} if report.models else {}),
            "configs": [
                {"config_name": "default", "data_files": [{"split": "train", "path": f"part-*{suffix}"}]}
            ],
        }
    )


def made_how(report: RunReport) -> str:
    """Return the steps of a pipeline with their settings as YAML, without credentials and folders."""
    plain = msgspec.to_builtins(report.settings, enc_hook=str, str_keys=True)
    return _yaml([_shown(step) for step in redacted(plain)])


def fenced(code: str, language: str) -> str:
    """Return `code` as a block of Markdown that nothing in it ends."""
    longest = max((len(fence) for fence in _FENCES.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def _shown(step: dict[str, Any]) -> dict[str, Any]:
    """Return `step` without what is not set, and files by their names: folders are nobody else's business."""
    shown = {name: _set(value) for name, value in step.items() if value is not None}
    for name in ("path", "tokenizer"):
        if name in shown:
            shown[name] = _file_names(shown[name])
    return shown


def _file_names(path: Any) -> Any:
    if isinstance(path, list):
        return [_file_names(each) for each in path]
    return PurePosixPath(path.replace("\\", "/")).name if isinstance(path, str) else path


def _set(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if item is not None}
    return value


def _yaml(value: Any) -> str:
    dumped: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return without_surrogates(dumped)
