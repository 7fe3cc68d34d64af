from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.config import load_config
from nemo_sdg.errors import BadRequestError, ConfigError
from nemo_sdg.pipelines.nemotron_cc import Config, build
from nemo_sdg.stages.token_counter import token_counter
from nemo_sdg.stages.transformations import TRANSFORMATIONS

ROOT = Path(__file__).parents[2]
LINE = "The {} river of this valley carries water and sand to the sea, and people fished it for a long time."


class Model(AsyncLLMClient):
    """Answers by a function of the segment, and writes down what it was asked: a run works on a copy."""

    def __init__(self, answer, log):
        super().__init__(max_concurrent_requests=8)
        self.answer = answer
        self.log = log
        log.write_text("")

    def setup(self):
        pass

    async def _query_model_impl(self, messages, _model, _formatter=None, generation_config=None):
        with self.log.open("a") as log:
            log.write(json.dumps([messages, asdict(generation_config)]) + "\n")
        text = self.answer(messages[-1]["content"].partition("Text:\n")[2])
        return [text] * (generation_config.n or 1)

    @property
    def asked(self):
        """The messages of all requests."""
        return [json.loads(line)[0] for line in self.log.read_text().splitlines()]

    @property
    def configs(self):
        """The sampling of all requests."""
        return [SimpleNamespace(**json.loads(line)[1]) for line in self.log.read_text().splitlines()]


@pytest.fixture
def transformed(tmp_path, run, rows_in, monkeypatch):
    """Return a function that runs a transformation of documents; the model answers by a function."""

    def go(documents, answer, *, name="job", **values):
        file = tmp_path / "documents.parquet"
        pq.write_table(pa.table(documents), file)
        model = Model(answer, tmp_path / f"{name}.log")
        monkeypatch.setattr(Config, "new_client", lambda _: model)
        given = {"pipeline": "nemotron_cc", "input": str(file), "output": tmp_path / name, "model": "m"}
        report = run(build(Config.model_validate({**given, **values})))
        assert report.state == "finished", report.message
        rows = rows_in(tmp_path / name).to_pylist() if list((tmp_path / name).glob("part-*")) else []
        return rows, report, model

    return go


def document(lines, start=0):
    """Return a document of so many lines of 24 tokens, each of its own."""
    return "\n".join(LINE.format(number) for number in range(start, start + lines))


def echo(segment):
    """Answer as a model that likes to talk: the segment itself, dressed up."""
    return f'Sure! Here is the text you asked for:\n\n**Encyclopedia version:**\n\n"{segment}"'


def test_segments_of_a_document_come_together_in_order(transformed):
    """Documents over the model's limit are cut, rewritten in pieces and joined: nothing is lost, in order.

    No request is over the limit; documents, buckets and other columns stay what they were.
    """
    documents = {
        "id": ["x", "y", "z"],
        "text": [document(60), document(2, 60), document(40, 62)],
        "bucketed_results": [11, 3, 12],
    }
    rows, report, model = transformed(
        documents, echo, transformation="wikipedia", bucket="low", min_output_tokens=1
    )

    assert [(row["row_id"], row["id"], row["text"]) for row in rows] == [
        (0, "x", documents["text"][0]),
        (1, "y", documents["text"][1]),
    ]
    assert [row["source_text"] for row in rows] == documents["text"][:2]
    assert rows[0]["segments"] == rows[0]["segments_kept"] > 3
    assert report.counts.filtered["range_filter"] == 1
    requests = token_counter().counts(
        ["".join(each["content"] for each in messages) for messages in model.asked]
    )
    assert max(requests) <= 512
    assert max(requests) > 450


def test_an_over_long_line_is_split_not_lost(transformed):
    """A document of a single line over the limit is cut between sentences; dropped only when told to."""
    text = document(40).replace("\n", " ")
    answers = {"transformation": "wikipedia", "min_output_tokens": 1}
    rows, _, _ = transformed({"text": [text]}, echo, **answers)

    assert rows[0]["text"].split() == text.split()
    assert transformed({"text": [text]}, echo, name="b", too_long="drop", **answers)[0] == []


def refusing(segment):
    """Refuse one segment of the first document."""
    if LINE.format(20) in segment:
        raise BadRequestError("moderation", status=400)
    return echo(segment)


@pytest.mark.parametrize("incomplete", ["keep", "drop"])
def test_a_segment_that_fails(transformed, tmp_path, incomplete):
    """When one request of a document fails, its other segments make the row, which says that one is missing.

    Or there is no row, if told so. Other documents are whole; rejected/ holds the segment and the reason.
    """
    documents = {"text": [document(40), document(40, 40)]}
    rows, report, _ = transformed(documents, refusing, transformation="wikipedia", incomplete=incomplete)

    assert rows[-1]["text"] == documents["text"][1]
    assert [row["row_id"] for row in rows] == ([0, 1] if incomplete == "keep" else [1])
    if incomplete == "keep":
        assert rows[0]["segments"] - rows[0]["segments_kept"] == 1
        assert rows[0]["text"].startswith(LINE.format(0))
        assert LINE.format(20) not in rows[0]["text"]
        assert rows[0]["text"].endswith(LINE.format(39))
    assert report.counts.rows_rejected == 1
    [rejection] = [
        json.loads(line)
        for file in (tmp_path / "job/rejected").iterdir()
        for line in file.read_text().splitlines()
    ]
    assert (rejection["row_id"], rejection["http_status"]) == (0, 400)
    assert LINE.format(20) in rejection["row"]["source_text"]


def test_a_document_is_made_whole_later(transformed, run, rows_in, tmp_path, monkeypatch):
    """A run with `retry` asks only for the segment that failed, and the document is whole."""
    documents = {"text": [document(40)]}
    values = {"transformation": "wikipedia", "incomplete": "drop"}
    rows, _, first = transformed(documents, refusing, **values)
    assert rows == []

    second = Model(echo, tmp_path / "second.log")
    monkeypatch.setattr(Config, "new_client", lambda _: second)
    job = {
        "pipeline": "nemotron_cc",
        "input": str(tmp_path / "documents.parquet"),
        "output": tmp_path / "job",
    }
    run(build(Config.model_validate({**job, "model": "m", **values})), retry="rejected")

    assert rows_in(tmp_path / "job")["text"].to_pylist() == documents["text"]
    assert (len(first.asked), len(second.asked)) == (3, 1)


def test_segments_are_counted_as_what_they_are(transformed):
    """Segments that are joined do not count as filtered, nor failed ones as documents."""
    documents = {"text": [document(40), document(40, 40), "short"]}
    _, report, _ = transformed(documents, refusing, transformation="wikipedia")
    counts = report.counts

    assert counts.filtered == {"token_count_filter": 1}
    assert counts.rows_rejected == 1
    assert counts.rows_read + counts.added == counts.rows_written + counts.joined + 2


def test_columns_of_the_input(transformed):
    """Columns can be chosen, so that segments do not carry what nobody needs."""
    documents = {"text": [document(8)], "html": ["<p>"], "url": ["u"], "score": [12]}
    rows, _, _ = transformed(
        documents,
        questions,
        transformation="diverse_qa",
        columns=["url"],
        bucket="high",
        bucket_column="score",
    )

    assert "html" not in rows[0]
    assert (rows[0]["url"], rows[0]["score"]) == ("u", 12)


def questions(segment):
    """Answer with eight pairs about the segment, one of them broken."""
    pairs = [
        f"- **Question:** What is {number} of {len(segment)}?\n  **Answer:** It is {number}."
        for number in range(8)
    ]
    return (
        "Here are the questions:\n\n"
        + "\n".join(pairs[:4])
        + "\n- Question: broken\n\n"
        + "\n".join(pairs[4:])
    )


def test_questions_behind_the_text(transformed):
    """Each segment is a row: its text, then pairs, the same in every run and others with another seed."""
    documents = {"text": [document(60), document(60, 60), "too short"], "bucketed_results": [12, 20, 20]}
    values = {"transformation": "diverse_qa", "bucket": "high"}
    rows, report, _ = transformed(documents, questions, **values)

    assert {row["row_id"] for row in rows} == {0, 1}
    assert [row["segment"] for row in rows] == [0, 1, 0, 1] == [*range(rows[0]["segments"])] * 2
    for row in rows:
        source, *pairs = row["text"].split("\n\n")
        assert source == row["source_text"]
        assert len(set(pairs)) == row["pairs"] > 0
        assert all(pair.startswith("Question: What is ") and "\nAnswer: It is " in pair for pair in pairs)
    assert report.counts.filtered == {"token_count_filter": 1}
    again = transformed(documents, questions, name="again", **values)[0]
    assert again == rows
    other = transformed(documents, questions, name="other", generation={"seed": 1}, **values)[0]
    assert [row["text"] for row in other] != [row["text"] for row in rows]


def test_distill(transformed):
    """A condensed text loses what the model said around it; each segment is a row."""
    answer = "Sure.\n\n**Condensed text:**\n\n" + "**Sand** travels *far*. " * 20
    rows, _, model = transformed({"text": [document(100)]}, lambda _: answer, transformation="distill")

    assert [row["segment"] for row in rows] == [0, 1]
    assert {row["text"] for row in rows} == {("Sand travels far. " * 20).strip()}
    assert {config.max_tokens for config in model.configs} == {1600}
    assert {(config.temperature, config.top_p, config.stop) for config in model.configs} == {(0.5, 0.9, None)}
    assert len({config.seed for config in model.configs}) == 1


def test_extract_knowledge(transformed):
    """Headings that number passages go."""
    passage = "Rivers carry sand, which settles where the water is slow. " * 6
    answer = f"Passage 1:\n{passage}\n\n**Passage 2:**\n\n{passage}"
    rows, _, _ = transformed({"text": [document(3)]}, lambda _: answer, transformation="extract_knowledge")

    assert rows[0]["text"] == f"{passage.strip()} \n\n{passage.strip()}"


def test_knowledge_list(transformed):
    """Facts are lines, whatever the bullets."""
    facts = [f"River {number} carries water and sand to the sea." for number in range(6)]
    answer = "Here are the facts:\n\n" + "\n".join(
        f"{n}. **{fact[:5]}**{fact[5:]}" for n, fact in enumerate(facts, 1)
    )
    rows, _, _ = transformed({"text": [document(3)]}, lambda _: answer, transformation="knowledge_list")

    assert rows[0]["text"].split("\n") == facts


def test_short_results_are_left_out(transformed):
    """A refusal is too short to stay, for a result has 50 tokens at least."""
    rows, report, _ = transformed(
        {"text": [document(3)]}, lambda _: "I cannot help with that.", transformation="distill"
    )

    assert rows == []
    assert report.counts.filtered == {"token_count_filter": 1}


def test_answers_that_were_cut_off_are_left_out(simulator, run, tmp_path):
    """An answer that reached max_tokens is known by what the server says of it, not by its length."""
    file = tmp_path / "documents.jsonl"
    file.write_text(json.dumps({"text": document(3)}) + "\n")
    given = {"pipeline": "nemotron_cc", "input": str(file), "output": tmp_path / "out", "model": "m"}
    values = {"transformation": "distill", "min_output_tokens": 1, "generation": {"max_tokens": 8}}
    report = run(build(Config.model_validate({**given, **values, "base_url": simulator().base_url})))

    assert report.counts.filtered == {"finished_filter": 1}


def test_prefix_required(transformed):
    """Answers that do not begin as they should can be rejected; mostly they are taken as they are."""
    plain = "Sand travels far. " * 20
    values = {"transformation": "distill", "documents": {"text": [document(3)]}, "answer": lambda _: plain}

    assert transformed(**values)[0][0]["text"] == plain.strip()
    rows, report, _ = transformed(**values, name="strict", require_prefix=True)
    assert (rows, report.counts.rejected) == ([], {"prefix_remover: ParseError": 1})


def test_several_answers(transformed):
    """With n above 1, the first answers to a document's segments make one row, the second ones another."""
    rows, _, _ = transformed({"text": [document(40)]}, echo, transformation="wikipedia", generation={"n": 2})

    assert [(row["row_id"], row["choice"], row["text"]) for row in rows] == [
        (0, choice, document(40)) for choice in (0, 1)
    ]


def test_prompts_of_ones_own(transformed):
    """A prompt of one's own, without a system prompt, is what is sent; text of any kind goes into it."""
    text = document(3) + '\n{"json": {text}}'
    values = {"prompt": "Shorten.\nText:\n{text}", "system_prompt": ""}
    rows, _, model = transformed(
        {"body": [text]}, lambda segment: segment, transformation="distill", text_column="body", **values
    )

    assert model.asked == [[{"role": "user", "content": f"Shorten.\nText:\n{text}"}]]
    assert rows[0]["text"] == text


@pytest.mark.parametrize("kept", [True, False])
def test_joining_can_be_chosen(transformed, kept):
    """Any transformation can be joined, and wikipedia left in segments."""
    rows, _, _ = transformed({"text": [document(60)]}, questions, transformation="diverse_qa", join=kept)

    assert len(rows) == (1 if kept else 2)
    if kept:
        assert rows[0]["pairs"] == rows[0]["text"].count("Question: ")


def test_jsonl_in_and_out(simulator, run, tmp_path):
    """Documents may come as JSON Lines from a folder, and rows go there."""
    (tmp_path / "in").mkdir()
    for number in range(2):
        line = json.dumps({"text": document(3, number), "url": f"u{number}"})
        (tmp_path / "in" / f"{number}.jsonl").write_text(line + "\n")
    values = {
        "pipeline": "nemotron_cc",
        "transformation": "diverse_qa",
        "input": str(tmp_path / "in"),
        "output": tmp_path / "out/{transformation}",
        "format": "jsonl",
        "model": "m",
        "base_url": simulator().base_url,
    }
    run(build(Config.model_validate(values)))

    parts = sorted((tmp_path / "out/diverse_qa").glob("part-*.jsonl"))
    rows = [json.loads(line) for part in parts for line in part.read_text().splitlines()]
    assert sorted(row["url"] for row in rows) == ["u0", "u1"]
    assert all(row["text"].startswith(row["source_text"]) for row in rows)


@pytest.mark.parametrize(("name", "rows"), [("high", 8), ("low", 2)])
def test_the_configs(simulator, run, rows_in, tmp_path, monkeypatch, name, rows):
    """The configs that come with the package run as they are, and make rows of the simulated endpoint."""
    monkeypatch.chdir(ROOT)
    changes = {"base_url": simulator().base_url, "model": "m", "output": str(tmp_path / "out")}
    report = run(build(load_config(f"configs/nemotron_cc_{name}_quality.yaml", changes)))

    made = rows_in(tmp_path / "out")
    assert report.counts.rows_rejected == 0
    assert made.num_rows >= rows
    assert all((score > 11) == (name == "high") for score in made["bucketed_results"].to_pylist())


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_every_transformation_builds(tmp_path, name):
    """With nothing but a name and an input, every transformation is a pipeline with published sampling."""
    file = tmp_path / "d.jsonl"
    file.write_text('{"text": "x"}\n')
    config = Config.model_validate(
        {
            "pipeline": "nemotron_cc",
            "transformation": name,
            "input": str(file),
            "output": tmp_path / "{transformation}",
        }
    )

    assert config.output == str(tmp_path / name)
    assert config.generation.max_tokens == TRANSFORMATIONS[name].max_output_tokens
    build(config).check()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"transformation": "summary"}, "transformation"),
        (
            {"text_column": "body"},
            "text_column is 'body', but the input has text, n: name a column",
        ),
        (
            {"bucket": "high"},
            "bucket_column, which bucket needs, is 'bucketed_results', but .*: name a",
        ),
        (
            {"max_input_tokens": 100},
            "max_input_tokens is 100, of which the prompt takes 148; .* give at least 158, or",
        ),
        ({"tokenizer": ""}, "tokenizer is ''"),
        ({"tokenizer": "./none.json"}, "'./none.json', which does not exist"),
        ({"prompt": "no place"}, "write {text} where the text belongs"),
        ({"input": "nowhere.jsonl"}, "nowhere.jsonl does not exist"),
        ({"generation": {"max_tokens": 0}}, "max_tokens is 0"),
        ({"generation": {"temprature": 0}}, "did you mean 'temperature'"),
        ({"too_long": "cut"}, "too_long"),
    ],
)
def test_mistakes(tmp_path, values, message):
    """What cannot be meant is refused before anything is asked, with what to do."""
    file = tmp_path / "d.jsonl"
    file.write_text('{"text": "x", "n": 1}\n')
    job = {
        "pipeline": "nemotron_cc",
        "transformation": "distill",
        "input": str(file),
        "output": str(tmp_path / "o"),
    }
    config = tmp_path / "job.yaml"
    config.write_text(json.dumps({**job, **values}))

    with pytest.raises(ConfigError, match=message):
        build(load_config(config))


def test_files_of_both_formats(tmp_path):
    """A folder with files of both formats needs to be told which."""
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    pq.write_table(pa.table({"text": ["y"]}), tmp_path / "b.parquet")
    job = {
        "pipeline": "nemotron_cc",
        "transformation": "distill",
        "input": str(tmp_path),
        "output": tmp_path / "o",
    }

    with pytest.raises(ConfigError, match="files of the formats parquet and jsonl: set input_format"):
        build(Config.model_validate(job))
    build(Config.model_validate({**job, "input_format": "jsonl"}))
