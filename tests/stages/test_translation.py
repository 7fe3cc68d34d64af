from __future__ import annotations

import asyncio

import pyarrow as pa
import pytest

from nemo_sdg import AsyncOpenAIClient, TranslationStage
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.errors import ConfigError
from nemo_sdg.simulator.languages import named_language
from nemo_sdg.stages.rows import split_rejected

ROWS = pa.table(
    {"row_id": [0, 1, 2], "text": ["Hello {text}.", " ", "Bye."], "language": ["French", "German", None]}
)


class Echo(AsyncLLMClient):
    """Answers with what it was asked, or nothing."""

    def __init__(self, text=None):
        super().__init__()
        self.text = text

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, _model, _formatter=None, generation_config=None):  # noqa: ARG002
        return [f"  {messages[-1]['content']}\n" if self.text is None else self.text]


def made(client, **options):
    """Return rows and rejections."""
    stage = TranslationStage(client, "m", **options)
    return split_rejected(asyncio.run(stage.process(ROWS)))


def test_texts_are_asked_for_in_their_language():
    """Text and language are in the prompt, the answer in the column; rows without one are rejected."""
    rows, rejected = made(Echo(), prompt="To {language}: {text}", output="done", prefix="t_")

    assert rows["done"].to_pylist() == ["To French: Hello {text}."]
    assert {"t_text", "t_model", "t_seed"} < set(rows.column_names)
    assert [(each.row_id, each.message) for each in rejected] == [
        (1, "text has no text: ' '"),
        (2, "language has no text: None"),
    ]


def test_an_empty_answer_is_none():
    """An answer without text rejects its row."""
    assert made(Echo(" "))[1][0].message == "the answer is empty: expected a translation"


def test_the_simulated_endpoint_translates(simulator):
    """Our own prompt is understood, whatever the text speaks of."""
    client = AsyncOpenAIClient(base_url=simulator().base_url, api_key="none")
    batch = pa.table({"row_id": [0], "text": ["A German text."], "language": ["Japanese"]})
    table = asyncio.run(TranslationStage(client, "m").process(batch))

    assert named_language("in Japanese").name == "Japanese"
    assert table["translation"][0].as_py().endswith("。")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "Translate {text}."}, r"placeholders \{text\}: write"),
        ({"prompt": "Translate."}, "placeholders none"),
        ({"output": "text"}, "output is 'text', which is there already"),
        ({"output": "row_id"}, "belongs to the engine"),
        ({"column": ""}, "column is ''"),
    ],
)
def test_arguments_of_no_use(options, message):
    """What cannot be meant is refused."""
    with pytest.raises(ConfigError, match=message):
        TranslationStage(Echo(), "m", **options)
