from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.config import load_config
from nemo_sdg.errors import BadRequestError, ConfigError
from nemo_sdg.pipelines.translation import Config, build
from nemo_sdg.stages import TranslationStage
from nemo_sdg.stages.token_counter import token_counter

ROOT = Path(__file__).parents[2]


def make(server, tmp_path, **changes):
    """Return the pipeline of the config that comes with the package."""
    told = {"base_url": server.base_url, "model": "m", "output": str(tmp_path / "out")}
    file = str(ROOT / "configs/qa_pairs.jsonl")
    return build(load_config(ROOT / "configs/translation.yaml", {"input": file, **told, **changes}))


def test_the_config(simulator, run, rows_in, tmp_path):
    """Each row is there in each language, with its originals and other columns, all of it checked."""
    server = simulator()
    report = run(make(server, tmp_path))
    rows = rows_in(tmp_path / "out")
    given = [json.loads(line) for line in (ROOT / "configs/qa_pairs.jsonl").read_text().splitlines()]

    assert rows.column_names[:7] == [
        *("row_id", "language", "id", "question", "answer", "source_question", "source_answer")
    ]
    assert Counter(rows["language"].to_pylist()) == {"French": 12, "German": 12}
    for row in rows.to_pylist():
        original = given[row["row_id"]]
        assert (row["id"], row["source_question"], row["source_answer"]) == tuple(original.values())
        assert row["question"] != row["source_question"]
    assert report.counts.requests == server.stats()["completions"] == 48
    assert report.counts.rows_filtered == report.counts.rows_rejected == 0


class Model(AsyncLLMClient):
    """Translates by capital letters, and writes down how long the texts were."""

    def __init__(self, log, refused=None):
        super().__init__(max_concurrent_requests=8)
        self.log = log
        self.refused = refused

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, _model, _formatter=None, generation_config=None):  # noqa: ARG002
        text = messages[-1]["content"].partition("Text:\n")[2]
        if self.refused and self.refused in text:
            raise BadRequestError("moderation", status=400)
        with self.log.open("a") as log:
            log.write(f"{token_counter().counts([text])[0]}\n")
        return [text.upper()]


@pytest.fixture
def translated(tmp_path, run, rows_in, monkeypatch):
    """Return a function that translates texts by a model of its own."""

    def go(texts, *, refused=None, retry=None, **changes):
        (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        monkeypatch.setattr(Config, "new_client", lambda _: Model(tmp_path / "log", refused))
        (tmp_path / "log").write_text("")
        values = {"pipeline": "translation", "input": str(tmp_path / "in.jsonl"), "text_columns": ["text"]}
        values |= {"languages": ["German"], "check_language": False, "max_segment_tokens": 60, "model": "m"}
        report = run(
            build(Config.model_validate({**values, "output": tmp_path / "out", **changes})), retry=retry
        )
        parts = list((tmp_path / "out").glob("part-*"))
        asked = [int(line) for line in (tmp_path / "log").read_text().splitlines()]
        return rows_in(tmp_path / "out").to_pylist() if parts else [], report, asked

    return go


LINES = [f"Line {number} of the text speaks of water that carries sand to the sea." for number in range(20)]


def test_long_texts(translated):
    """A text over the limit is translated in segments, and whole again; a blank one counts as filtered."""
    rows, report, asked = translated(["\n".join(LINES), "short", None, " "], languages=["German", "French"])

    by_row = {(row["row_id"], row["language"]): row for row in rows}
    assert set(by_row) == {(row, language) for row in (0, 1) for language in ("German", "French")}
    whole = by_row[0, "French"]
    assert (whole["text"], whole["source_text"]) == ("\n".join(LINES).upper(), "\n".join(LINES))
    assert max(asked) <= 60
    assert len(asked) > 8
    assert report.counts.filtered == {"has_text": 2}


def test_a_translation_is_whole_or_not_there(translated):
    """When a segment fails its row is left out, in rejected/ with the reason; asked again, it is whole."""
    rows, report, _ = translated(["\n".join(LINES), "short"], refused="Line 7 ")

    assert [row["text"] for row in rows] == ["SHORT"]
    assert report.counts.rows_rejected == 1
    rows, _, asked = translated(["\n".join(LINES), "short"], retry="rejected")
    assert rows[0]["text"] == "\n".join(LINES).upper()
    assert len(asked) == 1


def test_wrong_language(simulator, run, tmp_path):
    """Rows whose text is in another language than asked for are left out, and counted."""
    prompt = "Do not translate into {language}, but into German.\n\nText:\n{text}"
    report = run(make(simulator(), tmp_path, prompt=prompt, text_columns=["answer"]))

    assert report.counts.filtered == {"language_filter": 12}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_columns": ["body"]}, "text_columns is 'body', but the input has id, question, answer"),
        ({"text_columns": ["answer", "answer"]}, "text_columns has a name twice"),
        ({"languages": ["Klingon"]}, "'Klingon' is unknown.*check_language: false"),
        ({"languages": ["French", "French"]}, "'French' twice"),
        ({"source_language": "Klingon"}, "'Klingon' is unknown"),
        ({"prompt": "Into French: {text}"}, "write {text} and {language}"),
        ({"generation.n": 2}, "a text has one translation"),
        ({"input": "nowhere.csv"}, "nowhere.csv does not exist"),
    ],
)
def test_mistakes(simulator, tmp_path, changes, message):
    """A wrong column, language or prompt is refused before anything is asked."""
    with pytest.raises(ConfigError, match=message):
        make(simulator(), tmp_path, **changes)


@pytest.mark.parametrize(
    "name",
    [
        *("language", "segment", "segments", "segments_kept", "source_answer"),
        *("answer_language", "answer_text", "answer_model", "answer_prompt_tokens"),
    ],
)
def test_columns_of_the_input_that_the_pipeline_makes(simulator, tmp_path, name):
    """A column of the input that would be overwritten is said, with the way out."""
    (tmp_path / "a.csv").write_text(f"{name},answer\nEnglish,x\n")
    own = {"input": str(tmp_path / "a.csv"), "text_columns": ["answer"]}

    with pytest.raises(ConfigError, match=f"a column '{name}', .*: rename it .* or leave it out by columns"):
        make(simulator(), tmp_path, **own)
    make(simulator(), tmp_path, **own, columns=["answer"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a", "source_a"], "the input has a column 'source_a', .*: rename it in the input$"),
        (["source_a", "a"], "the input has a column 'source_a'"),
        (["text", "source"], "the text_columns 'text' and 'source' both make a column 'source_text'"),
    ],
)
def test_text_columns_that_overwrite_each_other(simulator, tmp_path, columns, message):
    """A text that the original or the answer of another one would overwrite is refused."""
    (tmp_path / "a.csv").write_text(f"{','.join(columns)}\nx,y\n")

    with pytest.raises(ConfigError, match=message):
        make(simulator(), tmp_path, input=str(tmp_path / "a.csv"), text_columns=columns)


def test_rows_that_lack_a_text(simulator, run, rows_in, tmp_path):
    """A row without one of its texts is left out before the others are paid for."""
    file = tmp_path / "in.jsonl"
    rows = [("Why?", "So."), ("How?", None), (" ", "Thus."), ("When?", "\n")]
    file.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in rows))
    server = simulator()
    report = run(make(server, tmp_path, input=str(file), check_language=False))

    assert rows_in(tmp_path / "out")["source_question"].to_pylist() == ["Why?", "Why?"]
    assert server.stats()["completions"] == 4
    assert report.counts.filtered == {"has_question": 1, "has_answer": 2}


def test_one_client(simulator, tmp_path):
    """All columns are asked for by one client, whose limits hold for all of them together."""
    pipeline = make(simulator(), tmp_path)
    clients = {id(stage.client) for stage in pipeline.steps if isinstance(stage, TranslationStage)}

    assert len(clients) == 1
