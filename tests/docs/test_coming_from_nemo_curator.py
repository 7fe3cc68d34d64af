"""Each line of the page's tables, done; that the page's code runs is tested with that of all pages."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import openai
import pandas as pd  # noqa: TC002 - functions on frames are known by their types
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemo_sdg import (
    AppendPairs,
    AsyncLLMClient,
    AsyncOpenAIClient,
    CompositeStage,
    ConversationFormatter,
    DistillStage,
    DiverseQAStage,
    DocumentJoiner,
    DocumentSplitter,
    ExplodeList,
    ExtractKnowledgeStage,
    FunctionStage,
    GenerationConfig,
    HuggingFaceFormatter,
    InstructFormatter,
    JsonlReader,
    JsonlWriter,
    KnowledgeListCleaner,
    KnowledgeListStage,
    LanguageFilter,
    LengthFilter,
    LineRemover,
    LLMClient,
    LLMGenerationStage,
    MarkdownRemover,
    NoFormat,
    OpenAIClient,
    ParquetReader,
    ParquetWriter,
    ParseJson,
    Pipeline,
    PrefixFilter,
    PrefixRemover,
    PromptTemplateStage,
    QAMultilingualSyntheticStage,
    QuotationRemover,
    RangeFilter,
    Resources,
    RewardStage,
    RubricJudgeStage,
    SampleSource,
    SelectColumns,
    Stage,
    TokenCountFilter,
    TransformStage,
    TranslationStage,
    WikipediaParaphrasingStage,
)
from nemo_sdg.client.payload import build_payload
from nemo_sdg.errors import (
    ConfigError,
    ContentFilterError,
    MissingColumnError,
    RowError,
    ServerError,
    TemplateError,
)
from nemo_sdg.simulator import Faults, Latency
from nemo_sdg.stages.rows import split_rejected
from tests.code_blocks import ROOT
from tests.doc_tables import untested
from tests.docs.making import MESSAGES, OPTIONS, PROMPT, SOURCE, made, ready, typed


def test_each_line_has_its_test():
    """Each line of the page's tables names a test here that uses what the line names."""
    assert untested(ROOT / "docs" / "coming_from_nemo_curator.md", globals()) == []


@pytest.fixture
def client(simulator):
    """Return a client of a simulated endpoint."""
    return AsyncOpenAIClient(base_url=simulator().base_url, **OPTIONS)


def kept(stage, *texts):
    """Return the texts that a stage leaves, as it leaves them."""
    return made(stage, text=pa.array(texts))[0].column("text").to_pylist()


def sent(config, formatter=None):
    """Return the path and the body of a request."""
    payload = build_payload(MESSAGES, "m", GenerationConfig.of(config), formatter)
    return payload.path, json.loads(payload.encoded())


# Clients


def test_async_client(simulator, monkeypatch):
    """Arguments are those known; a server error is tried `max_retries` times more, and no more than that."""
    endpoint = simulator(faults=Faults(error_500=1.0), api_keys=frozenset({"k"}))
    monkeypatch.setenv("SOME_KEY", "k")
    client = AsyncOpenAIClient(
        base_url=endpoint.base_url,
        api_key_env="SOME_KEY",
        max_concurrent_requests=5,
        max_retries=2,
        base_delay=0.01,
        timeout=30,
        limits={"requests_per_minute": 6000},
    )

    with pytest.raises(ServerError):
        asyncio.run(client.query_model(messages=MESSAGES, model="m"))

    assert endpoint.stats()["requests"] == 3


def test_event_loops(simulator):
    """One client answers under three loops, one after the other, with one request for each."""
    endpoint = simulator()
    client = AsyncOpenAIClient(base_url=endpoint.base_url, **OPTIONS)

    for _ in range(3):
        assert asyncio.run(client.query_model(messages=MESSAGES, model="m"))

    assert endpoint.stats()["requests"] == 3


def test_sync_client(simulator):
    """The synchronous client retries too."""
    endpoint = simulator(faults=Faults(error_500=1.0))
    client = OpenAIClient(base_url=endpoint.base_url, max_retries=1, **OPTIONS)
    client.setup()

    with pytest.raises(ServerError):
        client.query_model(messages=MESSAGES, model="m")
    client.close()

    assert endpoint.stats()["requests"] == 2


def test_own_client():
    """A subclass says how one request is made; the base class retries what may be."""

    class Mine(AsyncLLMClient):
        asked = 0

        def setup(self):
            pass

        async def _query_model_impl(self, messages, model, *_):
            self.asked += 1
            if self.asked == 1:
                raise ServerError("busy")
            return [f"{model}: {len(messages)}"]

    client = Mine(max_concurrent_requests=2, max_retries=1, base_delay=0.01)

    assert asyncio.run(client.query_model(messages=MESSAGES, model="m")) == ["m: 1"]
    assert client.asked == 2


def test_own_sync_client():
    """A synchronous client of one's own serves a pipeline's stage."""

    class Mine(LLMClient):
        def setup(self):
            pass

        def query_model(self, messages, model, *_, **__):  # noqa: ARG002
            return [messages[0]["content"][::-1]]

    rows, _ = made(LLMGenerationStage(Mine(), "m"), messages=[MESSAGES])

    assert rows.column("text").to_pylist() == ["?eulb yks eht si yhW"]


def test_generation_config():
    """Fields and defaults are those of NeMo Curator; None is left out; what no server takes is refused."""
    known = {"max_tokens": 2048, "n": 1, "seed": 0, "stop": None, "stream": False, "temperature": 0.0}
    assert asdict(GenerationConfig()) == {**known, "top_k": None, "top_p": 0.95, "extra_kwargs": None}

    _, body = sent({"seed": None, "top_k": 7})

    assert (body["top_k"], "seed" in body) == (7, False)
    with pytest.raises(ConfigError, match="temperature is 3"):
        GenerationConfig(temperature=3)
    with pytest.raises(ConfigError, match="did you mean 'max_tokens'"):
        GenerationConfig.of({"max_token": 3})


def test_extra_kwargs():
    """Further fields are sent, over those that there are."""
    extra_kwargs = {"temperature": 0.9, "extra_body": {"min_p": 0.1}}
    with pytest.warns(UserWarning, match="temperature"):
        _, body = sent({"temperature": 0.1, "extra_kwargs": extra_kwargs})

    assert (body["temperature"], body["min_p"]) == (0.9, 0.1)


def test_stream(client):
    """A streamed answer is whole."""
    plain, streamed = (
        asyncio.run(client.query_model(messages=MESSAGES, model="m", generation_config={"stream": stream}))
        for stream in (False, True)
    )

    assert streamed == plain != [""]


def test_query_model(client, simulator):
    """It returns the texts of all choices; for an answer that was withheld it raises."""
    texts = asyncio.run(client.query_model(messages=MESSAGES, model="m", generation_config={"n": 2}))
    assert len(texts) == 2

    filtered = AsyncOpenAIClient(base_url=simulator(faults=Faults(null_content=1.0)).base_url, **OPTIONS)
    with pytest.raises(ContentFilterError):
        asyncio.run(filtered.query_model(messages=MESSAGES, model="m"))


def test_flat_parameters(client):
    """Parameters stand by themselves, and win over those of a config."""
    config = GenerationConfig(n=3, max_tokens=5)
    answer = client.query_model(
        messages=MESSAGES, model="m", n=2, max_tokens=50, temperature=0.5, generation_config=config
    )

    assert len(asyncio.run(answer)) == 2


def test_complete(client):
    """All that the server said is there."""
    said = asyncio.run(client.complete(MESSAGES, "m"))

    assert (len(said.texts), said.finish_reasons) == (1, ["stop"])
    assert said.usage.completion_tokens > 0
    assert (said.reasoning, said.raw["object"]) == ([None], "chat.completion")


def test_reward_model(client, simulator, run, rows_in, tmp_path, monkeypatch):
    """Scores by attribute, in a notebook, as columns, or of a dataset by a config."""
    monkeypatch.chdir(ROOT)
    answered = [*MESSAGES, {"role": "assistant", "content": "Air scatters blue light."}]

    scores = asyncio.run(client.query_reward_model(messages=answered, model="a-reward"))
    rows, _ = made(RewardStage(client, "a-reward"), messages=[MESSAGES], text=["Air scatters it."])

    assert scores.keys() == set(rows.column_names) - {"row_id", "messages", "text"}
    assert "helpfulness" in scores
    pipeline = ready("reward", simulator().base_url, tmp_path, model="a-reward")
    run(pipeline)
    assert pipeline.name == "reward"
    assert "reward_helpfulness" in rows_in(tmp_path).column_names


def test_ready_client(simulator):
    """An SDK client does, and so does a function that makes one."""
    url = simulator().base_url

    def new():
        return openai.AsyncOpenAI(base_url=url, api_key="none")

    async def asked(given):
        client = AsyncOpenAIClient(given, base_delay=0.01)
        texts = await client.query_model(messages=MESSAGES, model="m")
        await client.close()
        return texts

    ready = new()
    assert asyncio.run(asked(ready)) == asyncio.run(asked(new))
    asyncio.run(ready.close())


def test_formatter(client):
    """What a formatter makes is sent as a prompt, to `/completions`."""

    class Shout(ConversationFormatter):
        def format_conversation(self, conv):
            return conv[-1]["content"].upper()

    assert sent({}, Shout())[0] == "/completions"
    assert sent({}, Shout())[1]["prompt"] == "WHY IS THE SKY BLUE?"
    assert asyncio.run(client.query_model(messages=MESSAGES, model="m", conversation_formatter=Shout()))


def test_hugging_face_formatter(tmp_path):
    """The tokenizer's own template, read from its files."""
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))

    assert HuggingFaceFormatter(tmp_path).format_conversation(MESSAGES) == "<user>Why is the sky blue?"


def test_mixtral_formatter():
    """Turns stand in the marks that Mixtral knows."""
    prompt = InstructFormatter("mistral").format_conversation(MESSAGES)

    assert prompt.index("[INST]") < prompt.index("sky") < prompt.index("[/INST]")


def test_no_format():
    """One turn is the prompt; more are refused."""
    assert NoFormat().format_conversation(MESSAGES) == "Why is the sky blue?"
    with pytest.raises(TemplateError):
        NoFormat().format_conversation(MESSAGES * 2)


# Stages that ask


def test_qa_multilingual(client, go, rows_in, tmp_path):
    """Languages are dealt evenly, texts differ, and a second run makes the same rows."""
    for name in ("a", "b"):
        stage = QAMultilingualSyntheticStage(
            "Question: and Answer: in {language}",
            ["English", "French"],
            client,
            "m",
            12,
            {"temperature": 0.9},
        )
        go(Pipeline("qa", stages=[stage, ParquetWriter(tmp_path / name)]))
    rows = rows_in(tmp_path / "a")

    assert sorted(rows.column("language").to_pylist()) == ["English"] * 6 + ["French"] * 6
    assert len(set(rows.column("text").to_pylist())) == len(set(rows.column("seed").to_pylist())) == 12
    assert {"question", "answer", "completion_tokens", "finish_reason"} <= set(rows.column_names)
    assert rows.equals(rows_in(tmp_path / "b"))


def test_base_stage(client, go, rows_in, tmp_path):
    """Prompt and answer are two stages; braces of JSON are text; a wrong column is seen before the run."""
    prompt = PromptTemplateStage('Say {"word": "{language}"}', system_prompt="Be brief.")
    stage = LLMGenerationStage(client, model_name="m", prefix="word_")

    go(Pipeline("p", stages=[SOURCE, prompt, stage, ParquetWriter(tmp_path)]))

    (system, user) = rows_in(tmp_path).column("messages")[0].as_py()
    assert (system["content"], user["content"][:10]) == ("Be brief.", 'Say {"word')
    assert rows_in(tmp_path).column("word_text").null_count == 0
    column = PromptTemplateStage("{column}")
    with pytest.raises(MissingColumnError):
        Pipeline("p", stages=[SOURCE, column, stage, ParquetWriter(tmp_path)]).check()


def test_hooks(client):
    """A subclass makes the messages and reads the answer; what it cannot read is rejected with its reason."""

    class Lengths(LLMGenerationStage):
        requires = ("text",)
        parsed = (pa.field("length", pa.int64()),)

        def messages_for(self, row):
            return [{"role": "user", "content": row["text"]}]

        def parse(self, text, row):
            if row["text"] == "no":
                raise RowError("not this one")
            return {"length": len(text)}

    rows, (rejection,) = made(Lengths(client, "m", prefix="a_"), text=["yes", "no"])

    assert rows.column("length").to_pylist() == [len(rows.column("a_text")[0].as_py())]
    assert rejection.message == "not this one"


def test_several_answers(client):
    """As many rows as answers, or lists of them; the tokens of the request are counted once."""
    config = {"n": 3, "temperature": 0.9}
    as_rows = LLMGenerationStage(client, "m", generation_config=config)
    as_list = LLMGenerationStage(client, "m", generation_config=config, choices="list")

    rows, _ = made(as_rows, messages=[MESSAGES])
    lists, _ = made(as_list, messages=[MESSAGES])

    assert rows.column("choice").to_pylist() == [0, 1, 2]
    assert lists.column("text").to_pylist() == [rows.column("text").to_pylist()]
    assert lists.column("completion_tokens").to_pylist() == [
        sum(rows.column("completion_tokens").to_pylist())
    ]


def transformed(stage, client, column):
    """Return the row that a stage of Nemotron-CC makes, which has `column` and why the answer ended."""
    (row,) = made(stage(client, "m"), text=["Water boils at 100 degrees at sea level."])[0].to_pylist()

    assert row[column]
    assert row[column.removesuffix("text") + "finish_reason"] == "stop"
    return row


def test_wikipedia(client):
    """A rewriting in `wikipedia_text`."""
    assert transformed(WikipediaParaphrasingStage, client, "wikipedia_text")["wikipedia_finish_reason"]


def test_diverse_qa(client):
    """Questions in `diverse_qa_text`."""
    assert transformed(DiverseQAStage, client, "diverse_qa_text")


def test_distill(client):
    """A condensed text in `distill_text`."""
    assert transformed(DistillStage, client, "distill_text")


def test_extract_knowledge(client):
    """Passages in `extract_knowledge_text`."""
    assert transformed(ExtractKnowledgeStage, client, "extract_knowledge_text")


def test_knowledge_list(client):
    """Facts in `knowledge_list_text`."""
    assert transformed(KnowledgeListStage, client, "knowledge_list_text")


def test_generator(client, go, rows_in, tmp_path):
    """The older generator's methods are stages in a pipeline; `apply` is there for datasets."""
    (tmp_path / "in.jsonl").write_text('{"text": "Water boils at 100 degrees."}\n' * 3)
    stages = [DistillStage(client, "m"), KnowledgeListStage(client, "m"), ParquetWriter(tmp_path / "out")]

    report, _ = go(Pipeline("p", stages=[JsonlReader(tmp_path / "in.jsonl"), *stages]))

    assert report.counts.requests == 6
    assert {"distill_text", "knowledge_list_text"} <= set(rows_in(tmp_path / "out").column_names)
    assert issubclass(DistillStage, TransformStage)
    assert callable(TransformStage.apply)


def test_diverse_qa_afterwards():
    """Pairs are put behind the text, the same ones in each run; without a pair the row is rejected."""
    columns = {"text": ["Question: Why?\nAnswer: So.", "Nothing."], "source_text": ["A text.", "B"]}
    stage = AppendPairs(max_pairs=10, seed=0)

    rows, (rejection,) = made(stage, **columns)

    assert rows.column("text").to_pylist() == ["A text.\n\nQuestion: Why?\nAnswer: So."]
    assert rows.equals(made(stage, **columns)[0])
    assert rejection.error == "ParseError"


def test_knowledge_list_afterwards():
    """Bullets go, of any kind."""
    assert kept(KnowledgeListCleaner(), "Here are facts:\n- a\n  - b\n1. c") == ["a\nb\nc"]


def test_nemotron_cc(simulator, run, tmp_path, monkeypatch):
    """One config key says which of the pipelines runs, from the documents to the filters at the end."""
    monkeypatch.chdir(ROOT)
    pipeline = ready("nemotron_cc_high_quality", simulator().base_url, tmp_path, "transformation=diverse_qa")

    report = run(pipeline)

    assert pipeline.name == "nemotron_cc"
    assert (report.state, report.counts.rows_rejected) == ("finished", 0)
    assert report.counts.rows_written > 0


def test_typed_columns(client):
    """Fields of a schema are columns of their types."""
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}

    rows, _ = made(LLMGenerationStage(client, "m", response_format=schema), messages=[MESSAGES])

    assert rows.schema.field("score").type == pa.int64()


def test_open_qa(simulator, run, rows_in, tmp_path):
    """From topics to answers that were revised, by a config."""
    keys = ["topics=[Bridges, Sleep]", "subtopics=2", "questions=2", "revise=true"]
    pipeline = ready("open_qa", simulator(latency=Latency.fixed(0)).base_url, tmp_path, *keys)

    report = run(pipeline)

    assert pipeline.name == "open_qa"
    assert report.counts.rows_written == 8
    assert {"question", "answer", "draft"} <= set(rows_in(tmp_path).column_names)


def test_translation(client, simulator, run, rows_in, tmp_path, monkeypatch):
    """By a stage, or a dataset by a config."""
    monkeypatch.chdir(ROOT)
    translated, _ = made(TranslationStage(client, "model"), text=["Good morning."], language=["German"])
    keys = ["text_columns=[question]", "languages=[German]", "check_language=false"]
    pipeline = ready("translation", simulator().base_url, tmp_path, *keys)

    run(pipeline)

    assert translated.column("translation")[0].as_py()
    assert pipeline.name == "translation"
    assert {"question", "source_question", "language"} <= set(rows_in(tmp_path).column_names)


def test_judge(client, simulator, run, rows_in, tmp_path, monkeypatch):
    """By a stage with a rubric, or a dataset by a config."""
    monkeypatch.chdir(ROOT)
    criteria = {"clarity": "It can be understood at once."}
    stage = RubricJudgeStage(client, "model", criteria=criteria, prompt="{answer}")
    judged, _ = made(stage, answer=["Because."])
    pipeline = ready("judge", simulator().base_url, tmp_path, "keep_at_least={correctness: 1}")

    run(pipeline)

    assert judged.column("judge_clarity")[0].as_py() in range(1, 6)
    assert pipeline.name == "judge"
    assert rows_in(tmp_path).schema.field("judge_correctness").type == pa.int64()


def test_lists():
    """A list is read out of the answer that has it, and each item is a row."""
    rows, _ = made(ParseJson({"items": "list"}), text=['Sure: {"items": ["a", "b"]}'])

    assert rows.column("items").to_pylist() == [["a", "b"]]
    assert ExplodeList("items").process(rows).column("items").to_pylist() == ["a", "b"]


# Filters and cleaners


def test_token_count():
    """Texts of too many or too few tokens go."""
    stage = TokenCountFilter(min_tokens=3, max_tokens=20, tokenizer=None)

    assert kept(stage, "Hi", "A sentence of some words.", "word " * 50) == ["A sentence of some words."]


def test_word_count():
    """Texts of too many or too few words go."""
    assert kept(LengthFilter(min_words=2, max_words=3), "one", "one two", "one two three four") == ["one two"]


def test_prefix():
    """Texts that begin otherwise go; or those that begin so."""
    assert kept(PrefixFilter(["[EN]"]), "[EN] a", "[FR] b") == ["[EN] a"]
    assert kept(PrefixFilter(["[EN]"], keep=False), "[EN] a", "[FR] b") == ["[FR] b"]


def test_bucket():
    """Rows with numbers outside go; a function on a batch can do the same."""
    scores = {"bucketed_results": [10, 11, 12]}

    def above(batch: pd.DataFrame) -> pd.DataFrame:
        return batch[batch["bucketed_results"] > 11]

    for stage in (RangeFilter("bucketed_results", above=11), FunctionStage(above)):
        assert made(stage, **scores)[0].column("row_id").to_pylist() == [2]


def test_language():
    """The text's own language is found out."""
    stage = LanguageFilter(expected="language", languages=["English", "German"], low_accuracy=True)
    texts = ["Where is the nearest railway station?", "Wo ist denn hier der nächste Bahnhof?"]

    rows, _ = made(stage, text=texts, language=["English", "English"])

    assert rows.column("text").to_pylist() == texts[:1]


def test_markdown():
    """Emphasis goes, lists stay."""
    assert kept(MarkdownRemover(), "**a** and 2*3*4\n- b") == ["a and 2*3*4\n- b"]


def test_slicer():
    """What stands before the text goes; without it the row is rejected."""
    prefix = "Paraphrased Text:"

    rows, rejections = made(PrefixRemover([prefix], required=True), text=["**Paraphrased text:** It.", "It."])

    assert (rows.column("text").to_pylist(), len(rejections)) == (["It."], 1)


def test_quotation():
    """Marks around the whole text go."""
    assert kept(QuotationRemover(), '"a"', '"a" and "b"') == ["a", '"a" and "b"']


def test_lines():
    """Whole lines go that match."""
    patterns = ["passage:", r"passage \d+:"]

    assert kept(LineRemover(patterns), "Passage 1:\na\nPassage:\nb") == ["a\nb"]


def test_splitter():
    """Lines are put together up to the limit."""
    rows, _ = made(DocumentSplitter(separator="\n", max_tokens=8), text=["One short line.\n" * 4])

    assert rows.column("segment").to_pylist() == list(range(rows.num_rows))
    assert rows.num_rows > 1


def test_joiner():
    """Segments become a document again; one that lacks some can be left out."""
    whole = {"row_id": [7, 7], "text": ["a", "b"], "segment": [0, 1], "segments": [2, 2]}
    table = pa.table(whole)
    stage = DocumentJoiner(separator=" ", incomplete="drop")

    assert stage.process(table).column("text").to_pylist() == ["a b"]
    assert stage.process(table.slice(1)).num_rows == 0


# Pipelines


def test_pipeline(client, tmp_path):
    """A pipeline is put together as there, and checked."""
    pipeline = Pipeline(name="p", description="Words", stages=[SOURCE], config={"workers": 1})
    pipeline.add_stage(PROMPT).add_stage(LLMGenerationStage(client, "m"))

    with pytest.raises(ConfigError, match="writer"):
        pipeline.check()
    pipeline.add_stage(ParquetWriter(tmp_path))
    pipeline.check()
    assert pipeline.describe().splitlines()[0] == "p: Words"


@pytest.mark.ray
@pytest.mark.usefixtures("ray_instance")
def test_executors(client, run, rows_in, tmp_path):
    """The same rows on Ray and in this process."""
    for folder, options in (("a", {"engine": "ray", "workers": "auto"}), ("b", {"engine": "local"})):
        stages = [SOURCE, PROMPT, LLMGenerationStage(client, "m", seed_per_row=True)]
        run(Pipeline("p", stages=[*stages, ParquetWriter(tmp_path / folder)]), **options)

    assert rows_in(tmp_path / "a").num_rows == 12
    assert rows_in(tmp_path / "a").equals(rows_in(tmp_path / "b"))


def test_resume(simulator, run, tmp_path):
    """A run that was stopped goes on in the same folder; nothing is asked twice."""
    endpoint = simulator(faults=Faults(unauthorized_after=5))
    client = AsyncOpenAIClient(base_url=endpoint.base_url, max_concurrent_requests=1, **OPTIONS)
    pipeline = Pipeline(
        "p", stages=[SOURCE, PROMPT, LLMGenerationStage(client, "m"), ParquetWriter(tmp_path)]
    )
    assert run(pipeline).state == "failed"
    endpoint.control(faults=Faults())

    assert run(pipeline).state == "finished"
    assert endpoint.stats()["by_status"]["200"] == 12


def test_failures(simulator, run, tmp_path):
    """A row that fails lies in `rejected/`, with the reason, and can be asked again; too many end the job."""
    endpoint = simulator(faults=Faults(error_500=0.3), seed=3)
    client = AsyncOpenAIClient(base_url=endpoint.base_url, max_retries=0, **OPTIONS)
    pipeline = Pipeline(
        "p", stages=[SOURCE, PROMPT, LLMGenerationStage(client, "m"), ParquetWriter(tmp_path)]
    )
    failed = run(pipeline, max_rejected=1.0).counts.rows_rejected
    (file,) = (tmp_path / "rejected").iterdir()
    assert {json.loads(line)["error"] for line in file.read_text().splitlines()} == {"ServerError"}
    endpoint.control(faults=Faults())

    report = run(pipeline, retry="rejected")

    assert 0 < failed < 12
    assert (report.counts.rows_written, report.counts.rows_rejected) == (12, 0)


def test_report(client, run, tmp_path):
    """What happened, and where the rows are."""
    stages = [SOURCE, PROMPT, LLMGenerationStage(client, "m"), ParquetWriter(tmp_path)]

    report = run(Pipeline("p", stages=stages))

    assert (report.counts.rows_written, report.state) == (12, "finished")
    assert report.samples[0]["text"]
    assert str(report.output) == str(tmp_path)


def test_own_stage():
    """A stage works on a table, a function on a table or a frame."""

    class Upper(Stage):
        requires = ("text",)
        adds = ("upper",)

        def process(self, batch):
            return batch.append_column("upper", pa.array([text.as_py().upper() for text in batch["text"]]))

    def upper(batch: pd.DataFrame) -> pd.DataFrame:
        return batch.assign(upper=batch["text"].str.upper())

    for stage in (Upper(), FunctionStage(upper)):
        assert made(stage, text=["a"])[0].column("upper").to_pylist() == ["A"]


def test_setup(client, run, tmp_path):
    """What `setup` opens on the worker, `close` closes."""
    log = tmp_path / "log"

    class Open(Stage):
        def setup(self):
            log.write_text("setup ")

        def process(self, batch):
            return batch

        def close(self):
            log.write_text(log.read_text() + "close")

    stages = [SOURCE, PROMPT, LLMGenerationStage(client, "m"), Open(), ParquetWriter(tmp_path / "out")]
    run(Pipeline("p", stages=stages))

    assert log.read_text() == "setup close"


def test_resources():
    """A copy of a stage has resources and workers of its own."""
    stage = MarkdownRemover().with_(resources=Resources(gpus=1), workers=2, batch_size=8)

    assert (stage.resources.gpus, stage.workers, stage.batch_size) == (1, 2, 8)


def test_composite():
    """A composite stage is a name for several."""

    class Clean(CompositeStage):
        def decompose(self):
            return [MarkdownRemover(), QuotationRemover()]

    steps = Pipeline("p", stages=[SOURCE, Clean()]).steps

    assert [step.name for step in steps[1:]] == ["markdown_remover", "quotation_remover"]


def test_empty_task():
    """Rows come from a source, with ids."""
    source = SampleSource(num_samples=4, choices={"language": ["English", "French"]})
    (shard,) = source.plan(None)

    assert source.read(shard).column("row_id").to_pylist() == [0, 1, 2, 3]


def test_jsonl_reader(tmp_path):
    """Some columns of JSON Lines; a bad line is a row that is rejected."""
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a", "more": 1}\nnonsense\n{"text": "b"}\n')
    reader = JsonlReader(path, columns=["text"])
    (shard,) = reader.plan(None)

    rows, rejections = split_rejected(reader.read(shard))

    assert rows.to_pylist() == [{"row_id": 0, "text": "a"}, {"row_id": 2, "text": "b"}]
    assert len(rejections) == 1


def test_parquet_reader(tmp_path):
    """Some columns of Parquet."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"text": ["a"], "more": [1]}), path)
    reader = ParquetReader(path, columns=["text"])

    assert reader.read(reader.plan(None)[0]).column_names == ["row_id", "text"]


def test_jsonl_writer(client, run, tmp_path):
    """Parts are numbered, and there once however often the command is given."""
    stages = [SOURCE, PROMPT, LLMGenerationStage(client, "m"), JsonlWriter(tmp_path)]

    for _ in range(2):
        run(Pipeline("p", stages=stages), shard_rows=6)

    parts = sorted(tmp_path.glob("part-*"))
    assert [part.name for part in parts] == ["part-00000.jsonl", "part-00001.jsonl"]
    assert sum(len(part.read_text().splitlines()) for part in parts) == 12


def test_parquet_writer(client, run, go, rows_in, tmp_path):
    """The columns that are chosen; what is there is thrown away when that is wanted, and said."""
    path, columns = tmp_path, ["text"]
    stages = [SOURCE, PROMPT, LLMGenerationStage(client, "m"), SelectColumns(columns), ParquetWriter(path)]
    run(Pipeline("p", stages=stages))

    _, notes = go(Pipeline("p", stages=stages), fresh=True)

    assert any(note.startswith("thrown away: 12 rows") for note in notes)
    assert set(rows_in(path).column_names) >= {"row_id", "text"}
    assert "language" not in rows_in(path).column_names


def test_command(tmp_path, monkeypatch):
    """`nemo-sdg run` with the daily options by name."""
    monkeypatch.chdir(ROOT)
    line = "nemo-sdg run configs/multilingual_qa.yaml --num-samples 12 --languages English,French"

    done = typed(f"{line} --engine local --output {tmp_path} --set simulator.latency.median=0")

    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["rows_read"] == 12
