"""The stage that makes messages."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.stages.prompt import MESSAGES_TYPE, PromptTemplateStage
from nemo_sdg.stages.rows import split_rejected


def _batch(*languages):
    return pa.table({"row_id": range(len(languages)), "language": pa.array(languages, pa.string())})


def test_prompt_and_system_prompt():
    """A prompt makes one user message, with the system message before it."""
    stage = PromptTemplateStage("Ask in {language}.", system_prompt="You speak {language}.")
    made = stage.process(_batch("French"))

    assert stage.requires == ("language",)
    assert made.schema.field("messages").type == MESSAGES_TYPE
    assert made["messages"].to_pylist() == [
        [
            {"role": "system", "content": "You speak French."},
            {"role": "user", "content": "Ask in French."},
        ]
    ]


def test_conversation():
    """Messages of a conversation keep their order and roles; the templates' columns are needed once each."""
    messages = [
        {"role": "user", "content": "{a}?"},
        {"role": "assistant", "content": "{b}"},
        {"role": "user", "content": "{a}!"},
    ]
    stage = PromptTemplateStage(messages=messages)
    made = stage.process(pa.table({"a": ["x", "y"], "b": ["z", "w"]}))

    assert stage.requires == ("a", "b")
    assert [m["content"] for m in made["messages"][1].as_py()] == ["y?", "w", "y!"]
    assert [m["role"] for m in made["messages"][1].as_py()] == ["user", "assistant", "user"]


def test_null_rejects_the_row_alone():
    """A row with a null is rejected, naming the column; the others keep their own messages."""
    made, rejections = split_rejected(PromptTemplateStage("In {language}").process(_batch("A", None, "C")))

    assert [messages[0]["content"] for messages in made["messages"].to_pylist()] == ["In A", "In C"]
    assert [(r.row_id, r.error, r.stage) for r in rejections] == [(1, "TemplateError", "prompt_template")]
    assert "'language'" in rejections[0].message


def test_misspelt_placeholder():
    """A placeholder that is no column tells how to write it as text."""
    with pytest.raises(MissingColumnError, match=r"'langauge'.*\{\{langauge\}\}.*for the literal text"):
        PromptTemplateStage("In {langauge}").process(_batch("A"))
    with pytest.raises(MissingColumnError, match=r"spelling of \{\{ langauge \}\}"):
        PromptTemplateStage("In {{ langauge }}", style="jinja2").process(_batch("A"))


def test_literal_braces_need_no_column():
    """JSON in a prompt is text."""
    stage = PromptTemplateStage('Answer as {"q": "..."} with {{language}}')

    assert stage.requires == ()
    assert stage.process(_batch("A"))["messages"][0].as_py()[0]["content"] == (
        'Answer as {"q": "..."} with {language}'
    )


def test_no_rows():
    """A batch without rows keeps its columns and gets an empty one of the right type."""
    made = PromptTemplateStage("In {language}").process(_batch())

    assert made.num_rows == 0
    assert made.schema.field("messages").type == MESSAGES_TYPE


def test_sliced_and_chunked_batches():
    """Rows of a slice and of several chunks get their own values."""
    batch = pa.concat_tables([_batch("A", "B"), _batch("C", "D")]).slice(1, 2)
    made = PromptTemplateStage("{language}").process(batch)

    assert [m[0]["content"] for m in made["messages"].to_pylist()] == ["B", "C"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "neither of prompt and messages"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "x"}]}, "both of prompt and messages"),
        ({"prompt": 3}, "prompt is 3"),
        ({"messages": []}, "messages is empty"),
        ({"messages": [{"role": "user"}]}, r"messages\[0\] is"),
        ({"messages": ["x"]}, r"messages\[0\] is 'x'"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "role of .* is 'bot': give one of system"),
        ({"messages": [{"role": "user", "content": None}]}, "content of .* is None"),
        ({"prompt": "x", "system_prompt": 1}, "content of .* is 1"),
        (
            {"messages": [{"role": "system", "content": "x"}], "system_prompt": "y"},
            "system_prompt is given, and messages",
        ),
        ({"prompt": "x", "style": "f"}, "user message .*style is 'f'"),
        ({"prompt": "{% if %}", "style": "jinja2"}, "user message .*line 1"),
    ],
)
def test_refused_arguments(arguments, complaint):
    """Every argument that cannot be used is refused at once, with the value and what is allowed."""
    with pytest.raises(ConfigError, match=complaint):
        PromptTemplateStage(**arguments)


def test_settings_hold_the_templates():
    """What the answers are kept under changes with the prompt."""
    first, second = (PromptTemplateStage(prompt).settings() for prompt in ("a", "b"))

    assert first != second


def test_speed():
    """Ten thousand rows take well under half a second of CPU."""
    batch = _batch(*["English"] * 10_000)
    stage = PromptTemplateStage("Write a question and an answer in {language}.")
    times = []
    for _ in range(3):
        start = time.process_time()
        stage.process(batch)
        times.append(time.process_time() - start)

    assert min(times) < 0.4
