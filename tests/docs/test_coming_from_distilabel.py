"""Each line of the page's tables, done; that the page's code runs is tested with that of all pages."""

from __future__ import annotations

import asyncio
import json

import pandas as pd  # noqa: TC002 - functions on frames are known by their types
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict, load_dataset
from pydantic import BaseModel, Field

from nemo_sdg import (
    AsyncLLMClient,
    AsyncOpenAIClient,
    ClientvLLM,
    CSVReader,
    ExplodeList,
    FunctionStage,
    GenerationConfig,
    HuggingFaceReader,
    JsonlReader,
    LLMGenerationStage,
    MarkdownRemover,
    ParquetReader,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    Resources,
    RewardStage,
    RubricJudgeStage,
    ScoreFilter,
    SelectColumns,
    Stage,
    TextReader,
)
from nemo_sdg.client.payload import build_payload
from nemo_sdg.config import load_config
from nemo_sdg.errors import MissingColumnError, RowError, ServerError
from nemo_sdg.simulator import Answers, Faults, Latency
from nemo_sdg.stages import Shard, Source
from tests.code_blocks import ROOT
from tests.doc_tables import untested
from tests.docs.making import MESSAGES, OPTIONS, PROMPT, SOURCE, made, ready, typed

JOB = """
pipeline: multilingual_qa
num_samples: 12
languages: [English, French]
prompt: "Question: and Answer: in {language}"
output: out
engine: local
simulator: {latency: {median: 0}}
"""
SCHEMA = {
    "type": "object",
    "properties": {"items": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
    "required": ["items"],
}


class Verdict(BaseModel):
    """What a judge says."""

    score: int = Field(ge=1, le=5)
    reason: str


def test_each_line_has_its_test():
    """Each line of the page's tables names a test here that uses what the line names."""
    assert untested(ROOT / "docs" / "coming_from_distilabel.md", globals()) == []


@pytest.fixture
def client(simulator):
    """Return a client of a simulated endpoint."""
    return AsyncOpenAIClient(base_url=simulator().base_url, **OPTIONS)


@pytest.fixture
def vllm():
    """Yield a function that makes a ClientvLLM; all are unloaded with the test."""
    clients = []

    def make(**options):
        clients.append(ClientvLLM(base_delay=0.01, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.unload()


def job(client, path, *more, **options):
    """Return a small pipeline."""
    generation = LLMGenerationStage(client, "m", seed_per_row=True, **options)
    return Pipeline("p", stages=[SOURCE, PROMPT, generation, *more, ParquetWriter(path)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the working folder, which has a job.yaml."""
    (tmp_path / "job.yaml").write_text(JOB)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Models


def test_vllm_client(simulator, vllm, tmp_path, monkeypatch):
    """With a tokenizer the template is applied here, without one at the server; a key has a name."""
    monkeypatch.setenv("VLLM_KEY", "k")
    base_url = simulator(api_keys=frozenset({"k"})).base_url
    template = {"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(template))
    options = {"max_retries": 6, "timeout": 120, "max_concurrent_requests": 8, "api_key_env": "VLLM_KEY"}

    for tokenizer in (None, str(tmp_path)):
        llm = vllm(base_url=base_url, tokenizer=tokenizer, model="simulated", **options)
        llm.load()
        assert isinstance(llm, ClientvLLM)
        assert llm.generate_outputs([MESSAGES])[0][0]


def test_generate_outputs(simulator, vllm):
    """So many texts for each input, in order; an input that fails is None alone."""
    llm = vllm(base_url=simulator(faults=Faults(null_content=0.5), seed=3).base_url)
    inputs = [MESSAGES] * 20

    llm.load()
    outputs = llm.generate_outputs(inputs, num_generations=2, max_new_tokens=256)
    llm.unload()

    assert {len(texts) for texts in outputs} == {2}
    assert [None, None] in outputs
    assert any(all(texts) for texts in outputs)


def test_statistics(simulator, vllm, client):
    """What the server counted for the request, of one input or of many."""
    llm = vllm(base_url=simulator().base_url)
    inputs = [MESSAGES, MESSAGES]

    completions = llm.complete_all(inputs)

    assert all(completion.usage.completion_tokens > 0 for completion in completions)
    assert asyncio.run(client.complete(MESSAGES, "m")).usage.completion_tokens > 0


def test_openai_llm(simulator, monkeypatch):
    """The endpoint is the client's, the model is the stage's."""
    monkeypatch.setenv("SOME_KEY", "k")
    base_url = simulator(api_keys=frozenset({"k"})).base_url
    client = AsyncOpenAIClient(base_url=base_url, api_key_env="SOME_KEY", limits={"requests_per_minute": 600})

    stage = LLMGenerationStage(client, "a-model")
    rows, _ = made(stage, messages=[MESSAGES])

    assert (stage.model_name, rows.num_rows) == ("a-model", 1)


def test_generation_kwargs(client):
    """Names and defaults differ."""
    config = GenerationConfig(max_tokens=512, temperature=0.7)

    assert (GenerationConfig().max_tokens, GenerationConfig().temperature) == (2048, 0.0)
    assert asyncio.run(client.query_model(messages=MESSAGES, model="m", generation_config=config))


def test_extra_fields():
    """Fields that have no name of their own are sent."""
    config = GenerationConfig(extra_kwargs={"logprobs": True})

    assert build_payload(MESSAGES, "m", config).body["logprobs"] is True


def test_structured_output(simulator):
    """Typed columns; a wrong answer is corrected."""
    client = AsyncOpenAIClient(base_url=simulator(answers=Answers(wrong=0.3)).base_url, **OPTIONS)
    Model = Verdict  # noqa: N806 - as the page calls it
    stage = LLMGenerationStage(client, "m", response_format=Model, correction_turns=1)

    rows, rejections = made(stage, messages=[MESSAGES] * 10)

    assert rows.schema.field("score").type == pa.int64()
    assert rows.num_rows + len(rejections) == 10


def test_other_servers(simulator):
    """Whatever speaks OpenAI's API is asked by its base URL."""
    client = AsyncOpenAIClient(base_url=simulator().base_url, **OPTIONS)

    assert asyncio.run(client.query_model(messages=MESSAGES, model="m"))


def test_own_llm():
    """A client of one's own says how one request is made."""

    class Mine(AsyncLLMClient):
        def setup(self):
            pass

        async def _query_model_impl(self, messages, model, *_):  # noqa: ARG002
            return [messages[0]["content"].upper()]

    assert asyncio.run(Mine().query_model(messages=MESSAGES, model="m")) == ["WHY IS THE SKY BLUE?"]


# Tasks


def test_text_generation(client):
    """A prompt of a column, and an answer to it."""
    prompts, _ = made(PromptTemplateStage("{instruction}"), instruction=["Why?"])
    stage = LLMGenerationStage(client, "model")

    rows = asyncio.run(stage.process(prompts))

    assert rows.column("messages")[0].as_py() == [{"role": "user", "content": "Why?"}]
    assert rows.column("text")[0].as_py()


def test_template(client, tmp_path):
    """Templates in jinja2; a column that is not there is missed before the run."""
    prompt = "{% if hint %}{{ hint }}: {% endif %}{{ instruction }}"
    stage = PromptTemplateStage(prompt, system_prompt="Be brief.", style="jinja2")

    rows, _ = made(stage, instruction=["Why?"], hint=["Sky"])

    assert [turn["content"] for turn in rows.column("messages")[0].as_py()] == ["Be brief.", "Sky: Why?"]
    with pytest.raises(MissingColumnError):
        Pipeline(
            "p", stages=[SOURCE, stage, LLMGenerationStage(client, "m"), ParquetWriter(tmp_path)]
        ).check()


def test_chat_generation(client):
    """Conversations that are there are answered."""
    turns = [*MESSAGES, {"role": "assistant", "content": "Air."}, {"role": "user", "content": "Why?"}]

    rows, _ = made(LLMGenerationStage(client, "model"), messages=[turns])

    assert rows.column("text")[0].as_py()


def test_num_generations(client):
    """A row for each answer, with the `row_id` of its prompt."""
    rows, _ = made(LLMGenerationStage(client, "m", generation_config={"n": 3}), messages=[MESSAGES] * 2)

    assert rows.select(["row_id", "choice"]).to_pylist() == [
        {"row_id": row, "choice": choice} for row in (0, 1) for choice in (0, 1, 2)
    ]


def test_group_generations(client):
    """Lists in one row; an answer that cannot be used has its reason."""

    class Fussy(LLMGenerationStage):
        parsed = (pa.field("first", pa.string()),)
        asked = 0

        def parse(self, text, row):  # noqa: ARG002
            self.asked += 1
            if self.asked == 2:
                raise RowError("not this one")
            return {"first": text.split()[0]}

    config = {"n": 3, "temperature": 0.9}
    rows, rejections = made(Fussy(client, "m", generation_config=config, choices="list"), messages=[MESSAGES])

    (row,) = rows.to_pylist()
    assert rejections == []
    assert [text is None for text in row["first"]] == [False, True, False]
    assert row["choice_error"] == [None, "RowError: not this one", None]
    assert all(row["text"])


def test_own_task(client):
    """A subclass makes the conversation and reads the answer."""

    class Task(LLMGenerationStage):
        requires = ("word",)
        parsed = (pa.field("length", pa.int32()),)

        def messages_for(self, row):
            return [{"role": "user", "content": f"Define {row['word']}."}]

        def parse(self, text, row):  # noqa: ARG002
            return {"length": len(text)}

    rows, _ = made(Task(client, "m"), word=["sky"])

    assert rows.column("length")[0].as_py() > 0


def test_metadata(client):
    """What is known of an answer has columns of its own."""
    columns = ("text", "finish_reason", "prompt_tokens", "completion_tokens", "model", "seed")

    rows, _ = made(LLMGenerationStage(client, "m", prefix="a_"), messages=[MESSAGES])

    assert {f"a_{column}" for column in columns} <= set(rows.column_names)


def test_two_models(client, go, rows_in, tmp_path):
    """Two models answer the same prompts."""
    second = LLMGenerationStage(client, "other", prefix="other_")

    report, _ = go(job(client, tmp_path, second))

    assert {"text", "other_text"} <= set(rows_in(tmp_path).column_names)
    assert (second.prefix, report.counts.requests) == ("other_", 24)


def test_judge(client, simulator, run, tmp_path, monkeypatch):
    """A rubric, scores in columns, a filter on them; or all that by a config."""
    monkeypatch.chdir(ROOT)
    criteria = {"clarity": "It can be understood at once."}
    stage = RubricJudgeStage(client, "model", criteria=criteria, prompt="{answer}")
    judged, _ = made(stage, answer=[f"Because of {number}." for number in range(5)])
    pipeline = ready("judge", simulator().base_url, tmp_path)

    kept = ScoreFilter(at_least={"clarity": 3}, prefix="judge_").process(judged)

    scores = judged.column("judge_clarity").to_pylist()
    assert kept.column("judge_clarity").to_pylist() == [score for score in scores if score >= 3]
    assert (pipeline.name, run(pipeline).state) == ("judge", "finished")


def test_reward(client, simulator, run, tmp_path, monkeypatch):
    """Scores of a reward model, and a filter on them; or all that by a config."""
    monkeypatch.chdir(ROOT)
    stage = RewardStage(client, "model")
    scored, _ = made(RewardStage(client, "model-reward"), messages=[MESSAGES] * 5, text=["Air."] * 5)
    pipeline = ready("reward", simulator().base_url, tmp_path, model="a-reward")

    kept = ScoreFilter(at_least={"helpfulness": 2.0}).process(scored)

    assert stage.attributes[0] == "helpfulness"
    assert all(score >= 2.0 for score in kept.column("helpfulness").to_pylist())
    assert (pipeline.name, run(pipeline).state) == ("reward", "finished")


def test_lists(client):
    """An answer's list becomes rows with the `row_id` of the prompt."""
    answered, _ = made(LLMGenerationStage(client, "m", response_format=SCHEMA), messages=[MESSAGES] * 2)

    rows = ExplodeList("items").process(answered)

    lists = answered.column("items").to_pylist()
    assert rows.column("row_id").to_pylist() == [0] * len(lists[0]) + [1] * len(lists[1])


# Steps and pipelines


def test_pipeline(client, tmp_path):
    """Steps stand in a list, or are added one by one."""
    name = "p"
    a, b, c = SOURCE, PROMPT, LLMGenerationStage(client, "m")

    one = Pipeline(name, stages=[a, b, c]).add_stage(ParquetWriter(tmp_path))

    one.check()
    assert one.steps[:3] == (a, b, c)


def test_step_function():
    """A function on a frame or a table is a step."""

    def function(batch: pd.DataFrame) -> pd.DataFrame:
        return batch.assign(upper=batch["text"].str.upper())

    stage = FunctionStage(function, requires=["text"], adds=["upper"])

    assert made(stage, text=["a"])[0].column("upper").to_pylist() == ["A"]


def test_step(client, run, tmp_path):
    """A class has settings, and opens and closes what it needs."""
    log = tmp_path / "log"

    class Upper(Stage):
        requires = ("text",)
        adds = ("upper",)

        def setup(self):
            log.write_text("setup")

        def process(self, batch):
            return batch.append_column("upper", pa.array([text.as_py().upper() for text in batch["text"]]))

        def close(self):
            log.write_text(f"{log.read_text()} close")

    report = run(job(client, tmp_path / "out", Upper()))

    assert report.samples[0]["upper"] == report.samples[0]["text"].upper()
    assert log.read_text() == "setup close"


def test_generator_step(client, run, rows_in, tmp_path):
    """A source says which rows there are, and reads some of them."""

    class Numbers(Source):
        adds = ("row_id", "language")

        def plan(self, shard_rows):  # noqa: ARG002
            return [Shard(index, index * 2, 2) for index in range(3)]

        def read(self, shard):
            ids = range(shard.first_row, shard.first_row + shard.rows)
            return pa.table({"row_id": pa.array(ids, pa.int64()), "language": [f"{i}" for i in ids]})

    stages = [Numbers(), PROMPT, LLMGenerationStage(client, "m"), ParquetWriter(tmp_path)]
    run(Pipeline("p", stages=stages))

    assert rows_in(tmp_path).column("language").to_pylist() == list("012345")


def test_from_dicts(tmp_path):
    """Dicts are written as JSON Lines, and read."""
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in [{"a": 1}, {"a": 2}]))
    reader = JsonlReader(path)

    assert reader.read(reader.plan(None)[0]).to_pylist() == [{"row_id": 0, "a": 1}, {"row_id": 1, "a": 2}]


def test_from_file_system(tmp_path):
    """A reader for each format."""
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "in.parquet")
    for name, content in (("jsonl", '{"text": "a"}'), ("csv", "text\na"), ("txt", "a")):
        (tmp_path / f"in.{name}").write_text(content)
    readers = {"jsonl": JsonlReader, "parquet": ParquetReader, "csv": CSVReader, "txt": TextReader}

    for suffix, reader in readers.items():
        path = tmp_path / f"in.{suffix}"
        source = reader(path)
        assert source.read(source.plan(None)[0]).column("text").to_pylist() == ["a"]
    assert (JsonlReader, ParquetReader, CSVReader, TextReader) == tuple(
        readers[suffix] for suffix in ("jsonl", "parquet", "csv", "txt")
    )


def test_from_disk(tmp_path):
    """One split of a dataset that was saved."""
    path = tmp_path / "saved"
    DatasetDict({"train": Dataset.from_dict({"a": [1, 2]})}).save_to_disk(path)

    reader = HuggingFaceReader(path, split="train")

    assert reader.read(reader.plan(None)[0]).column("a").to_pylist() == [1, 2]


def test_from_hub(tmp_path):
    """A dataset that was loaded from anywhere is saved once, and read."""
    path = tmp_path / "saved"
    Dataset.from_dict({"a": [1, 2]}).save_to_disk(path)

    reader = HuggingFaceReader(path)

    assert reader.read(reader.plan(None)[0]).column("a").to_pylist() == [1, 2]


def test_keep_columns():
    """Some columns, under other names."""
    columns = ["prompt"]

    rows, _ = made(SelectColumns(columns, rename={"prompt": "instruction"}), prompt=["a"], more=[1])

    assert rows.to_pylist() == [{"row_id": 0, "instruction": "a"}]


def test_expand_columns():
    """A row for each item of a list."""
    assert made(ExplodeList("column"), column=[["a", "b"]])[0].column("column").to_pylist() == ["a", "b"]


def test_batch_size(simulator, run, tmp_path):
    """As many requests are in flight as the client allows, whatever the shards."""
    endpoint = simulator(latency=Latency.fixed(0.05))
    client = AsyncOpenAIClient(base_url=endpoint.base_url, max_concurrent_requests=6, **OPTIONS)

    run(job(client, tmp_path), shard_rows=2)

    assert endpoint.stats()["concurrency"]["peak"] == 6
    assert MarkdownRemover().with_(batch_size=8).batch_size == 8


def test_resources(client, run, tmp_path):
    """A stage that computes has workers of its own; for those that ask the run says how many there are."""
    stage = MarkdownRemover().with_(resources=Resources(gpus=1), workers=2)

    assert (stage.resources.gpus, stage.workers) == (1, 2)
    assert run(job(client, tmp_path), workers=2).state == "finished"


def test_ray(client, run, tmp_path, monkeypatch):
    """Without a word a run is on Ray, at the address that is given."""
    asked = []
    monkeypatch.setattr("nemo_sdg.pipeline.run_job", lambda plan, *_, **__: asked.append(plan))

    run(job(client, tmp_path), engine=None)
    run(job(client, tmp_path), engine="ray", address="ray://head:10001")
    run(job(client, tmp_path), engine="local")

    assert [(plan.engine, plan.address) for plan in asked] == [
        ("ray", None),
        ("ray", "ray://head:10001"),
        ("local", None),
    ]


def test_parameters(folder):
    """A key of the config, on the command line."""
    option = "--set generation.temperature=0.7"

    config = load_config(folder / "job.yaml", assignments=option.split()[1:])

    assert config.generation.temperature == 0.7


def test_dry_run(client, folder):
    """A preview shows rows, a plan says what the job takes; neither writes anything."""
    pipeline = job(client, folder / "out")

    (trace,) = pipeline.preview(1)
    shown = typed("nemo-sdg preview job.yaml --rows 1")
    planned = typed("nemo-sdg plan job.yaml")

    assert trace.made[0]["text"]
    assert (shown.exit_code, planned.exit_code) == (0, 0), shown.output + planned.output
    assert "12 rows" in planned.output
    assert not (folder / "out").exists()


def test_cache(simulator, run, tmp_path):
    """The same folder again asks for what is missing, also another server with other timeouts and retries."""
    first, second = simulator(faults=Faults(unauthorized_after=5)), simulator()
    client = AsyncOpenAIClient(base_url=first.base_url, max_concurrent_requests=1, **OPTIONS)
    assert run(job(client, tmp_path)).state == "failed"
    other = AsyncOpenAIClient(base_url=second.base_url, timeout=7, max_retries=9, **OPTIONS)

    report = run(job(other, tmp_path))

    assert (report.state, report.counts.rows_written) == ("finished", 12)
    assert second.stats()["requests"] == 12 - first.stats()["by_status"]["200"] == 7


def test_no_cache(client, run, go, tmp_path):
    """What was there is thrown away, and said."""
    run(job(client, tmp_path))

    def run(fresh):
        return go(job(client, tmp_path), fresh=fresh)

    report, notes = run(fresh=True)

    assert report.counts.reused == 0
    assert any(note.startswith("thrown away: 12 rows") for note in notes)


def test_failures(simulator, run, rows_in, tmp_path):
    """Rows that fail are aside, with the reason, and are asked again alone."""
    endpoint = simulator(faults=Faults(error_500=0.3), seed=3)
    client = AsyncOpenAIClient(base_url=endpoint.base_url, max_retries=0, **OPTIONS)
    run(job(client, tmp_path), max_rejected=1.0)
    (file,) = (tmp_path / "rejected").iterdir()
    rejected = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["error"] for line in rejected} == {ServerError.__name__}
    assert rows_in(tmp_path).num_rows == 12 - len(rejected)
    endpoint.control(faults=Faults())
    endpoint.reset_stats()

    run(job(client, tmp_path), retry="rejected")

    assert rows_in(tmp_path).num_rows == 12
    assert endpoint.stats()["requests"] == len(rejected)


def test_command(folder):
    """A config is a whole job, with stages of one's own."""
    (folder / "mine.py").write_text("def marked(batch):\n    return {'mark': [1] * batch.num_rows}\n")

    done = typed("nemo-sdg run job.yaml")

    assert done.exit_code == 0, done.output
    (folder / "job.yaml").write_text(f"{JOB}stages: ['mine:marked']\n")
    assert load_config(folder / "job.yaml").stages


# Datasets


def test_distiset(client, run, tmp_path):
    """The folder is a dataset for whoever reads such."""
    path = tmp_path / "out" / "x"
    report = run(job(client, path))

    loaded = load_dataset(str(path), split="train", cache_dir=str(tmp_path / "cache"))

    assert loaded.num_rows == pq.read_table(path / "part-00000.parquet").num_rows == 12
    assert report.samples


def test_push_to_hub(client, run, folder):
    """Without `--yes` it says what it would send."""
    run(job(client, folder / "out"))
    line = "nemo-sdg push out owner/name --yes"

    done = typed(line.removesuffix(" --yes"))

    assert done.exit_code == 0, done.output
    assert "nothing was sent: add --yes to upload" in done.output
    assert "part-00000.parquet" in done.output


def test_card(client, run, tmp_path):
    """A card lies beside the rows."""
    run(job(client, tmp_path))

    assert "12" in (tmp_path / "README.md").read_text()
