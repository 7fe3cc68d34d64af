from __future__ import annotations

import asyncio
import json

import pyarrow as pa
import pytest

from nemo_sdg import (
    AsyncEndpointPool,
    AsyncOpenAIClient,
    ClientvLLM,
    HuggingFaceFormatter,
    InstructFormatter,
    LLMGenerationStage,
    OpenAIClient,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    RewardStage,
    SampleSource,
    ScoreFilter,
)
from nemo_sdg.client import AsyncLLMClient
from nemo_sdg.errors import ConfigError, RunStopped
from nemo_sdg.simulator import Faults
from nemo_sdg.stages import MemoryLedger
from nemo_sdg.stages.reward import HELPSTEER
from nemo_sdg.stages.rows import split_rejected

REWARD = "nvidia/nemotron-4-340b-reward"


class Scripted(AsyncLLMClient):
    """Answers from a list, the last one again and again, and counts."""

    def __init__(self, *texts):
        super().__init__(max_concurrent_requests=1, max_retries=0)
        self.texts = list(texts)
        self.asked = []

    def setup(self):
        """Nothing to do."""

    async def _query_model_impl(self, messages, model, conversation_formatter=None, generation_config=None):  # noqa: ARG002
        self.asked.append(messages)
        text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        if isinstance(text, Exception):
            raise text
        return [text]


def rows(*answers, roles=("user",)):
    """Return rows with a conversation and an answer."""
    messages = [[{"role": role, "content": f"Row {n}."} for role in roles] for n in range(len(answers))]
    return pa.table(
        {
            "row_id": pa.array(range(len(answers)), pa.int64()),
            "messages": pa.array(
                messages, pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
            ),
            "text": pa.array(answers, pa.string()),
        }
    )


def process(stage, batch, ledger=None):
    """Return the rows that a stage makes, and its rejections."""
    return split_rejected(asyncio.run(stage.process_paid(batch, ledger or MemoryLedger())))


def client_of(server, **options):
    """Return a client of a simulated endpoint."""
    options = {"api_key": "none", "base_delay": 0.001, "max_concurrent_requests": 8, **options}
    return AsyncOpenAIClient(base_url=server.base_url, **options)


def pipeline(server, output, *, number=20, more=(), client=None, sdk=False, **options):
    """Return a pipeline that generates answers, and has them scored."""
    writer = client_of(server, max_retries=0)
    if client is None:
        client = client_of(server, max_retries=0)
    if sdk:
        client = sdk_client(server.base_url)
    return Pipeline(
        "p",
        stages=[
            SampleSource(number, {"language": ["English", "French"]}),
            PromptTemplateStage("Say something in {language}."),
            LLMGenerationStage(writer, "m", generation_config={"temperature": 1.0}, seed_per_row=True),
            RewardStage(client, REWARD, **options),
            *more,
            ParquetWriter(output),
        ],
    )


def sdk_client(url):
    """Return a client that goes through the SDK."""

    def make():
        import openai

        return openai.AsyncOpenAI(base_url=url, api_key="none")

    return AsyncOpenAIClient(make)


@pytest.mark.parametrize("sdk", [False, True])
def test_scores_land_in_typed_columns(simulator, go, rows_in, tmp_path, sdk):
    """Each answer is scored once, under both transports; scores are columns of float64, with the prefix."""
    server = simulator()
    report, _ = go(pipeline(server, tmp_path, prefix="r_", sdk=sdk))
    found = rows_in(tmp_path)

    assert report.counts.rows_written == found.num_rows == 20
    assert server.stats()["requests"] == report.counts.requests == 40
    for name in HELPSTEER:
        assert found.schema.field(f"r_{name}").type == pa.float64()
        assert found[f"r_{name}"].null_count == 0
    assert len(set(found["r_helpfulness"].to_pylist())) > 10


def test_filter_by_thresholds(simulator, go, rows_in, tmp_path):
    """`ScoreFilter` after it keeps exactly the rows whose scores reach the thresholds."""
    server = simulator()
    go(pipeline(server, tmp_path / "all"))
    keep = ScoreFilter(at_least={"helpfulness": 1.5}, at_most={"verbosity": 3.0})
    report, _ = go(pipeline(server, tmp_path / "some", more=[keep]))
    wanted = [
        row
        for row in rows_in(tmp_path / "all").to_pylist()
        if row["helpfulness"] >= 1.5 and row["verbosity"] <= 3.0
    ]

    assert rows_in(tmp_path / "some").to_pylist() == wanted
    assert 0 < len(wanted) < 20
    assert report.counts.rows_filtered == 20 - len(wanted)


def test_a_resumed_run_pays_for_no_score_twice(simulator, go, rows_in, tmp_path):
    """Scores from before a stop are found again, beside the answers of a generating stage without prefix."""
    server = simulator(faults=Faults(unauthorized_after=26))
    go(pipeline(server, tmp_path))
    server.control(faults=Faults())
    server.reset_stats()
    report, _ = go(pipeline(server, tmp_path))

    assert rows_in(tmp_path)["helpfulness"].null_count == 0
    assert report.counts.rows_written == 20
    assert server.stats()["requests"] == 40 - 26


def test_retrying_a_rejected_score_keeps_the_answer(simulator, go, rows_in, tmp_path):
    """`--retry rejected` asks for the score again, never for the text that it is of."""
    server = simulator()
    picky = pipeline(server, tmp_path, attributes=["helpfulness"], more=[Refuse()])
    go(picky)
    before = server.stats()["requests"]
    Refuse.now = False
    report, _ = go(picky, retry="rejected")
    Refuse.now = True

    assert (before, server.stats()["requests"] - before) == (40, 10)
    assert rows_in(tmp_path).num_rows == 20
    assert report.counts.rows_rejected == 0


class Refuse(ScoreFilter):
    """Rejects every other row, until it is told otherwise."""

    now = True

    def __init__(self):
        super().__init__(at_least={"helpfulness": -1})

    def process(self, batch):
        from nemo_sdg.errors import RowError
        from nemo_sdg.stages import reject

        odd = [place for place, row in enumerate(batch["row_id"].to_pylist()) if row % 2 and self.now]
        return reject(batch, {place: RowError("no") for place in odd}, self.name)


def test_what_is_sent():
    """The answer's column ends the conversation; without one the conversation has it already."""
    client = Scripted("reward:1")
    process(RewardStage(client, "m", attributes=["reward"]), rows("Yes."))
    process(
        RewardStage(client, "m", attributes=["reward"], answer=None), rows("", roles=("user", "assistant"))
    )

    assert client.asked == [
        [{"role": "user", "content": "Row 0."}, {"role": "assistant", "content": "Yes."}],
        [{"role": "user", "content": "Row 0."}, {"role": "assistant", "content": "Row 0."}],
    ]


def test_rows_without_an_answer():
    """What has no answer, or no conversation before it, is rejected unasked, and costs its own row."""
    client = Scripted("reward:1")
    stage = RewardStage(client, "m", attributes=["reward"])
    made, rejected = process(stage, rows("Yes.", None, ""))
    _, alone = process(stage, rows("Yes.", roles=()))
    _, ends = process(RewardStage(client, "m", attributes=["reward"], answer=None), rows(""))

    assert made["reward"].to_pylist() == [1.0]
    assert [each.error for each in rejected] == ["RowError", "RowError"]
    assert "nothing to score" in rejected[0].message
    assert "the assistant's answer" in alone[0].message
    assert "ends with {'role': 'user'" in ends[0].message
    assert len(client.asked) == 1


def test_an_answer_without_an_attribute():
    """Once a model has scored, an answer that leaves an attribute out costs its own row, with the reason."""
    client = Scripted("reward:1,other:2", "other:2", "Ah, Paris!")
    made, rejected = process(RewardStage(client, "m", attributes=["reward"]), rows(*["Yes."] * 30))

    assert made.num_rows == 1
    assert len(rejected) == 29
    assert rejected[0].error == "ParseError"
    assert "gives no score of reward: it has other" in rejected[0].message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Ah, Paris!", "gives no scores.*name a reward model"),
        ("quality:1", "no score of helpfulness.*has quality"),
    ],
)
def test_the_wrong_model_ends_the_job(text, complaint):
    """A model that scores nothing of what is wanted is paid for few answers, not for every row."""
    client = Scripted(text)
    with pytest.raises(ConfigError, match=complaint):
        process(RewardStage(client, "m"), rows(*["Yes."] * 200))

    assert len(client.asked) < 20


def test_recalled(simulator):
    """A score is recalled by model, conversation, prefix and formatter, whatever attributes are wanted."""
    server, ledger = simulator(), MemoryLedger()
    first, _ = process(RewardStage(client_of(server), REWARD), rows("Yes."), ledger)
    again, _ = process(RewardStage(client_of(server), REWARD, attributes=["coherence"]), rows("Yes."), ledger)
    asked = server.stats()["requests"]
    others = [
        RewardStage(client_of(server), "other-reward"),
        RewardStage(client_of(server), REWARD, prefix="r_"),
        RewardStage(
            client_of(server),
            REWARD,
            conversation_formatter=InstructFormatter("chatml", add_generation_prompt=False),
        ),
        RewardStage(
            client_of(server),
            REWARD,
            conversation_formatter=InstructFormatter("alpaca", add_generation_prompt=False),
        ),
    ]
    for stage in others:
        assert process(stage, rows("Yes."), ledger)[0].num_rows == 1

    assert asked == 1
    assert first["coherence"] == again["coherence"]
    assert server.stats()["requests"] == 5
    assert all(key.startswith("0-") and len(key.rpartition("?")[2]) == 24 for key in ledger.completions)
    assert len({str(stage.settings()) for stage in others}) == 4


def test_the_template_of_the_client_ends_with_the_answer(tmp_path):
    """Behind the answer to score, a client's template asks for no further one; the client keeps its own."""
    turns = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    template = f"{turns}{{% if add_generation_prompt %}}<assistant>{{% endif %}}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    client = ClientvLLM(tokenizer=str(tmp_path))
    chat = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    own = HuggingFaceFormatter(str(tmp_path))

    for one in (client, AsyncEndpointPool([client])):
        stage = RewardStage(one, "m")
        assert stage.conversation_formatter.format_conversation(chat) == "<user>Why?<assistant>So."
        assert stage.settings()["conversation_formatter"] != own.identity
    assert client.conversation_formatter.identity == own.identity
    assert RewardStage(client, "m", conversation_formatter=own).conversation_formatter is own


def test_a_pool_and_the_synchronous_client(simulator):
    """A pool of endpoints, and the synchronous client, score as the asynchronous client does."""
    server, ill = simulator(), simulator(faults=Faults(reset=1))
    scores = []
    for client in (
        client_of(server),
        AsyncEndpointPool([client_of(ill), client_of(server)]),
        OpenAIClient(base_url=server.base_url, api_key="none"),
    ):
        made, rejected = process(RewardStage(client, REWARD), rows("Yes.", "No."))
        assert not rejected
        scores.append(made.select(list(HELPSTEER)).to_pylist())

    assert scores[0] == scores[1] == scores[2]


def test_stopped(simulator):
    """A stop of its limiters stops it, as it does a stage that generates."""
    stage = RewardStage(client_of(simulator()), REWARD)
    for limiter in stage.limiters.values():
        limiter.stop()
    with pytest.raises(RunStopped):
        process(stage, rows("Yes."))


def test_withheld_and_not_finite(simulator):
    """What a content filter withholds, and what is no finite number, costs its row."""
    server = simulator(faults=Faults(null_content=1))
    client = OpenAIClient(base_url=server.base_url, api_key="none")
    _, withheld = process(RewardStage(client, "m"), rows("Yes."))
    _, no_number = process(RewardStage(Scripted("reward:nan"), "m", attributes=["reward"]), rows("Yes."))

    assert [each.error for each in (*withheld, *no_number)] == ["ContentFilterError", "ParseError"]


def test_columns():
    """It says which columns it needs and makes, and takes no more than the conversation."""
    stage = RewardStage(Scripted(""), "m", attributes=["reward"], prefix="a_", answer="reply")

    assert (stage.requires, stage.adds) == (("messages", "reply"), ("a_reward",))
    assert RewardStage(Scripted(""), "m", answer=None).requires == ("messages",)
    assert (
        process(stage, rows("x").rename_columns(["row_id", "messages", "reply"]).slice(0, 0))[0].num_rows == 0
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"attributes": []}, "attributes is"),
        ({"attributes": "helpfulness"}, "attributes is"),
        ({"attributes": ["a", "a"]}, "twice"),
        ({"attributes": [""]}, "a name in attributes"),
        ({"attributes": ["status"]}, "belongs to the engine"),
        ({"answer": 3}, "answer is 3"),
        ({"prefix": None}, "prefix is None"),
        ({"client": 3}, "client is 3"),
        ({"model_name": ""}, "model_name is ''"),
    ],
)
def test_refused(arguments, complaint):
    """Arguments of no use are refused with what is allowed."""
    with pytest.raises(ConfigError, match=complaint):
        RewardStage(**{"client": Scripted(""), "model_name": "m", **arguments})
