"""The dataset card: `README.md` beside the rows, by which `datasets.load_dataset` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def card(report: RunReport, suffix: str) -> str:
    """Return the card of a dataset in files that end in `suffix`."""
    counts = report.counts
    models = " and ".join(f"`{_plain(model)}`" for model in report.models)
    notes = [f"Made by nemo_sdg {report.version}. No model was asked."]
    tags = ""
    if models:
        notes = [
            f"This dataset is synthetic: text in it was made by {models}, through nemo_sdg {report.version}."
        ]
        tags = "tags:\n- synthetic\n"
    if report.simulated:
        notes.append(
            "**The simulated endpoint answered: the rows are made up, and are no use but for tests.**"
        )
    if report.state != "finished":
        notes.append(
            f"The run is not finished: {counts.rows_read:,} of the {report.rows_total:,} rows of its input "
            "are done."
        )
    told = "\n\n".join(notes)
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: part-*{suffix}
{tags}---
{_MARK}

# {_plain(report.pipeline)}

{told}

| rows | rejected | left out by filters | rows of the input |
| ---: | ---: | ---: | ---: |
| {counts.rows_written:,} | {counts.rows_rejected:,} | {counts.rows_filtered:,} | {report.rows_total:,} |

Begun {report.started}. `report.html` says how the rows were made, `rejected/` which were not used and why.

In this folder:

```python
{_LOADING[suffix]}
```
"""


def _plain(text: str) -> str:
    """Return `text` as one line that is no markup."""
    return without_surrogates(" ".join(text.replace("`", "'").replace("<", "(").split()))
