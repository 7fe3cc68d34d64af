"""The data in a dataset card."""

from __future__ import annotations

import pytest
import yaml

from nemo_sdg.report.card_parts import fenced, front_matter, made_how
from nemo_sdg.report.numbers import Counts


@pytest.mark.parametrize(
    ("rows", "size"), [(0, "n<1K"), (1000, "1K<n<10K"), (999_999, "100K<n<1M"), (10**12, "n>1T")]
)
def test_front_matter(report, rows, size):
    """Licence, languages and size are there as the hub names them; Norwegian is no boolean."""
    made = report(languages=["en", "no"], models=["m"], counts=Counts(rows_written=rows))

    front = yaml.safe_load(front_matter(made, ".parquet", "mit"))

    assert list(front) == ["license", "language", "size_categories", "tags", "configs"]
    assert (front["license"], front["language"], front["size_categories"]) == ("mit", ["en", "no"], [size])
    assert "license" not in front_matter(made, ".parquet", None)


def test_steps_are_readable_and_hold_no_secrets(report):
    """Prompts stand as they were written; keys, what is not set and folders of this machine are left out."""
    prompt = "Write in {language}.\nSay ```why```."
    made = report(
        settings=[
            {"step": "Reader", "path": "/private/place/rows.jsonl", "columns": None},
            {"step": "Reader", "path": ["/private/a.jsonl", "/private/b.jsonl"]},
            {
                "step": "Ask",
                "prompt": prompt,
                "api_key": "hunter2",
                "generation_config": {"n": 1, "stop": None},
            },
        ]
    )

    text = made_how(made)

    assert yaml.safe_load(text) == [
        {"step": "Reader", "path": "rows.jsonl"},
        {"step": "Reader", "path": ["a.jsonl", "b.jsonl"]},
        {"step": "Ask", "prompt": prompt, "api_key": "(not shown)", "generation_config": {"n": 1}},
    ]
    assert "\n    Write in {language}.\n    Say ```why```." in text
    assert fenced(text, "yaml").startswith("````yaml\n")
