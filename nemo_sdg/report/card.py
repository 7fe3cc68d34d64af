"""The dataset card: `README.md` beside the rows, by which `datasets.load_dataset` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nemo_sdg.report.card_parts import fenced, front_matter, made_how
from nemo_sdg.report.text import without_surrogates

if TYPE_CHECKING:
    from nemo_sdg.report.numbers import RunReport
    from nemo_sdg.storage import Store

CARD = "README.md"
_MARK = "<!-- nemo_sdg writes this file after each run; take this line away to keep a text of your own -->"
_LOADING = {
    ".parquet": """\
datasets.load_dataset(".")
pandas.read_parquet(sorted(glob.glob("part-*.parquet")))
duckdb.sql("from 'part-*.parquet'")
ray.data.read_parquet(".", file_extensions=["parquet"])""",
    ".jsonl": """\
datasets.load_dataset(".")
pandas.concat(pandas.read_json(part, lines=True) for part in sorted(glob.glob("part-*.jsonl")))
duckdb.sql("from 'part-*.jsonl'")
ray.data.read_json(".", file_extensions=["jsonl"])""",
}


class Published(NamedTuple):
    """Where a dataset is published, and under what licence."""

    repo: str
    """As the hub names it: "owner/name"."""
    licence: str | None = None
    """The hub's identifier, such as "cc-by-4.0"; None: not said."""
    rejected: bool = False
    """Rejected rows are published with it."""
    shards: tuple[int, int] = (1, 1)
    """How many are in it, of how many of the run."""


def write_card(report: RunReport, store: Store) -> None:
    """Write the card of the rows in `store`, if it has any; OSError when it cannot.

    One that a person has written, or made their own by taking our mark away, stays as it is.
    """
    names = store.sizes()
    parts = [name for name in names if name.startswith("part-")]
    suffix = next((suffix for suffix in _LOADING for name in parts if name.endswith(suffix)), None)
    if suffix is not None and (CARD not in names or is_ours(store)):
        store.write(CARD, card(report, suffix).encode())


def is_ours(store: Store) -> bool:
    """Return whether the card in `store` is one that `write_card` has written."""
    try:
        return _MARK.encode() in store.read(CARD)
    except FileNotFoundError:
        return False


def card(report: RunReport, suffix: str, published: Published | None = None) -> str:
    """Return the card of a dataset in files that end in `suffix`, in its folder or as it is `published`."""
    counts = report.counts
    front = front_matter(report, suffix, published.licence if published else None)
    told = "\n\n".join(_notes(report, published))
    mark = f"{_MARK}\n" if published is None else ""
    return f"""---
{front}---
{mark}
# {_plain(report.pipeline)}

{told}

| rows | rejected | left out by filters | rows of the input | prompt tokens | completion tokens |
| ---: | ---: | ---: | ---: | ---: | ---: |
| {counts.rows_written:,} | {counts.rows_rejected:,} | {counts.rows_filtered:,} | {report.rows_total:,} \
| {counts.prompt_tokens:,} | {counts.completion_tokens:,} |

{_around(report, published)}

{_loading(suffix, published)}

The steps, their prompts and settings:

{fenced(made_how(report), "yaml")}
"""


def _notes(report: RunReport, published: Published | None) -> list[str]:
    counts = report.counts
    models = " and ".join(f"`{_plain(model)}`" for model in report.models)
    by = f"nemo_sdg {report.version}"
    notes = [f"This dataset is synthetic: text in it was made by {models}, through {by}."]
    if not models:
        notes = [f"Made by {by}. No model was asked."]
    if report.simulated:
        notes.append(
            "**The simulated endpoint answered: the rows are made up, and are no use but for tests.**"
        )
    if report.state != "finished":
        notes.append(
            f"The run is not finished: {counts.rows_read:,} of the {report.rows_total:,} rows of its input "
            "are done."
        )
    if published and published.shards[0] < published.shards[1]:
        notes.append("Not all shards are in it: {:,} of {:,} are.".format(*published.shards))
    if published:
        notes.append(f"Licence: {f'`{published.licence}`' if published.licence else 'not said'}.")
    return notes


def _around(report: RunReport, published: Published | None) -> str:
    begun = f"Begun {report.started}."
    if published is None:
        return f"{begun} `report.html` says how the rows were made, `rejected/` which were not used and why."
    return f"{begun} `rejected/` holds the rows that were not used, and why." if published.rejected else begun


def _loading(suffix: str, published: Published | None) -> str:
    if published is None:
        return f"In this folder:\n\n{fenced(_LOADING[suffix], 'python')}"
    code = f"""\
datasets.load_dataset("{published.repo}")
duckdb.sql("from 'hf://datasets/{published.repo}/part-*{suffix}'")"""
    return f"To load it:\n\n{fenced(code, 'python')}"


def _plain(text: str) -> str:
    """Return `text` as one line that is no markup."""
    return without_surrogates(" ".join(text.replace("`", "'").replace("<", "(").split()))
