"""Asking again for rejected rows and for answers that were cut off."""

from __future__ import annotations

import json

import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    LengthFilter,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    RepeatRows,
    SampleSource,
    Stage,
)
from nemo_sdg.errors import OutputError, RowError
from nemo_sdg.simulator import Faults
from nemo_sdg.stages.rows import map_rows


class Picky(LLMGenerationStage):
    """Refuses the answers of every third row."""

    def parse(self, text, row):  # noqa: ARG002 - the hook
        """Refuse, or take."""
        if row["row_id"] % 3 == 0:
            raise RowError("not nice enough")
        return {}


class PickyPart(LLMGenerationStage):
    """Refuses the answers about one part of each row."""

    def parse(self, text, row):  # noqa: ARG002 - the hook
        """Refuse, or take."""
        if row["part"] == "b":
            raise RowError("not nice enough")
        return {}


class Judge(Stage):
    """Rejects rows after generation."""

    def process(self, batch):
        """Reject every third row."""

        def judged(row):
            if row["row_id"] % 3 == 0:
                raise RowError("not nice enough")
            return {}

        return map_rows(batch, judged, [], self.name)


def pipeline(base_url, output, *, stage=LLMGenerationStage, more=(), retries=0, number=30, **options):
    """Return a pipeline of one model."""
    client = AsyncOpenAIClient(base_url=base_url, api_key="none", base_delay=0.01, max_retries=retries)
    steps = [SampleSource(number, {"language": ["English"]}), PromptTemplateStage("A word in {language}")]
    steps.append(stage(client, "m", seed_per_row=True, **options))
    return Pipeline("p", stages=[*steps, *more, ParquetWriter(output)])


def rejected_in(output):
    """Return the ids of the rejected rows."""
    files = sorted((output / "rejected").glob("*.jsonl"))
    return [json.loads(line)["row_id"] for file in files for line in file.read_text().splitlines()]


def test_failed_requests_are_asked_again(simulator, go, rows_in, tmp_path):
    """Rows whose requests failed are asked again, and move into the dataset; the others are not touched."""
    endpoint = simulator(faults=Faults(error_500=0.3), seed=5)
    config = {"generation_config": {"temperature": 0.9, "seed": 1}}
    report, _ = go(pipeline(endpoint.base_url, tmp_path, **config), shard_rows=10)
    failed = report.counts.rows_rejected
    assert 0 < failed < 30
    endpoint.control(faults=Faults())
    before = endpoint.stats()["requests"]

    report, notes = go(pipeline(endpoint.base_url, tmp_path, **config), retry="rejected")

    assert any(f"{failed} rejected rows are asked again" in note for note in notes)
    assert (report.state, report.counts.rows_rejected, report.counts.rows_written) == ("finished", 0, 30)
    assert endpoint.stats()["requests"] - before == failed
    assert rejected_in(tmp_path) == []
    assert rows_in(tmp_path).column("row_id").to_pylist() == list(range(30))
    _, notes = go(pipeline(endpoint.base_url, tmp_path, **config), retry="rejected")
    assert "nothing to ask again: no row is rejected" in notes


@pytest.mark.parametrize("late", [False, True], ids=["in the stage", "in a later stage"])
def test_refused_answers_are_asked_again_with_another_seed(simulator, go, rows_in, tmp_path, late):
    """An answer that was rejected is given up and paid for anew, with another seed."""
    endpoint = simulator()
    config = {
        "generation_config": {"temperature": 0.9, "seed": 1},
        "stage": LLMGenerationStage if late else Picky,
    }
    more = [Judge()] if late else []
    go(pipeline(endpoint.base_url, tmp_path, more=more, **config), shard_rows=10)
    assert rejected_in(tmp_path) == list(range(0, 30, 3))
    seeds = {row["row_id"]: row["seed"] for row in rows_in(tmp_path).to_pylist()}

    go(pipeline(endpoint.base_url, tmp_path, more=more, **config), retry="rejected")

    assert endpoint.stats()["requests"] == 40
    lines = [
        json.loads(line)
        for file in (tmp_path / "rejected").iterdir()
        for line in file.read_text().splitlines()
    ]
    assert len(lines) == 10
    first = {row["row_id"]: row["seed"] for row in rows_in(tmp_path).to_pylist()}
    assert first == seeds
    asked = {line["row_id"]: line["row"]["seed"] for line in lines}
    go(pipeline(endpoint.base_url, tmp_path, more=more, **config), retry="rejected")
    again = [
        json.loads(line)
        for file in (tmp_path / "rejected").iterdir()
        for line in file.read_text().splitlines()
    ]
    assert all(line["row"]["seed"] != asked[line["row_id"]] for line in again)
    assert endpoint.stats()["requests"] == 50


def test_what_is_asked_again_still_counts_as_spent(simulator, go, tmp_path):
    """Tokens of answers that were given up are in the counts: they were paid for."""
    endpoint = simulator()
    first, _ = go(pipeline(endpoint.base_url, tmp_path, more=[Judge()]), shard_rows=10)

    report, _ = go(pipeline(endpoint.base_url, tmp_path, more=[Judge()]), retry="rejected")

    assert report.counts.requests == endpoint.stats()["requests"] == 40
    assert report.counts.completion_tokens == endpoint.stats()["completion_tokens"]
    assert report.counts.completion_tokens > first.counts.completion_tokens


def test_longer_answers_are_asked_for_those_that_were_cut_off(simulator, go, rows_in, tmp_path):
    """More max_tokens and retry truncated ask again only for what was cut off; one alone is refused."""
    endpoint = simulator()
    config = {"temperature": 0.9, "seed": 1}

    def job(tokens, more=()):
        return pipeline(
            endpoint.base_url, tmp_path, generation_config={**config, "max_tokens": tokens}, more=more
        )

    report, _ = go(job(12), shard_rows=10)
    reasons = rows_in(tmp_path).column("finish_reason").to_pylist()
    cut = reasons.count("length")
    assert 0 < cut <= 30
    assert report.counts.truncated == cut

    with pytest.raises(OutputError, match=r"(?s)max_tokens: 12 then, 4000 now.*--retry truncated"):
        go(job(4000))
    with pytest.raises(OutputError, match=r"max_tokens: 12 then, 5 now"):
        go(job(5), retry="truncated")
    report, notes = go(job(4000), retry="truncated")

    assert any(f"{cut} truncated rows are asked again" in note for note in notes)
    assert endpoint.stats()["requests"] == 30 + cut
    assert (report.state, report.counts.truncated, report.counts.rows_written) == ("finished", 0, 30)
    assert set(rows_in(tmp_path).column("finish_reason").to_pylist()) == {"stop"}
    report, _ = go(job(4000, more=[LengthFilter(min_chars=1)]))
    assert endpoint.stats()["requests"] == 30 + cut


def test_a_retry_that_is_stopped_goes_on(simulator, go, tmp_path):
    """A retry whose key is revoked half-way is finished by the same command without --retry."""
    endpoint = simulator()
    go(pipeline(endpoint.base_url, tmp_path, more=[Judge()]), shard_rows=10)
    endpoint.control(faults=Faults(unauthorized_after=4))

    report, _ = go(pipeline(endpoint.base_url, tmp_path, more=[Judge()]), retry="rejected")
    assert report.state == "failed"
    endpoint.control(faults=Faults())
    report, _ = go(pipeline(endpoint.base_url, tmp_path, more=[Judge()]))

    assert report.state == "finished"
    assert endpoint.stats()["by_status"]["200"] == 40


def test_what_a_filter_withholds_is_paid_for_once(simulator, go, rows_in, tmp_path):
    """An answer of a content filter rejects its row, is kept like any other, and can be asked for again."""
    endpoint = simulator(faults=Faults(null_content=0.3), seed=4)
    report, _ = go(pipeline(endpoint.base_url, tmp_path), shard_rows=10)
    withheld = report.counts.rows_rejected
    assert report.counts.rejected == {"llm_generation: ContentFilterError": withheld}
    assert 0 < withheld < 30
    endpoint.control(faults=Faults())

    report, _ = go(pipeline(endpoint.base_url, tmp_path, more=[LengthFilter(min_chars=1)]))
    assert (report.counts.rows_rejected, endpoint.stats()["requests"]) == (withheld, 30)
    report, _ = go(pipeline(endpoint.base_url, tmp_path, more=[LengthFilter(min_chars=1)]), retry="rejected")

    assert report.counts.rows_rejected == 0
    assert endpoint.stats()["requests"] == 30 + withheld
    assert rows_in(tmp_path).num_rows == 30


def test_a_withheld_choice_costs_itself(simulator, go, rows_in, tmp_path):
    """Of two answers to one request, one that a filter withholds is rejected and the other is a row."""
    endpoint = simulator(faults=Faults(null_content=0.5), seed=4)
    config = {"generation_config": {"temperature": 0.9, "n": 2}}

    report, _ = go(pipeline(endpoint.base_url, tmp_path, **config))

    assert report.counts.rows_written + report.counts.rows_rejected == 60
    assert all(rows_in(tmp_path).column("text").to_pylist())


@pytest.mark.parametrize("seed", [None, 1])
def test_of_several_rows_with_one_id_those_at_fault_are_asked_again(simulator, go, rows_in, tmp_path, seed):
    """Where a row has become several, only those whose answers were refused are asked again, and paid."""
    endpoint = simulator()

    def several():
        client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", base_delay=0.01)
        config = {"temperature": 0.9, "seed": seed}
        steps = [SampleSource(4, {"language": ["English"]}), RepeatRows("part", ["a", "b", "c"])]
        steps.append(PromptTemplateStage("Part {part} in {language}."))
        steps.append(PickyPart(client, "m", seed_per_row=True, generation_config=config))
        return Pipeline("p", stages=[*steps, ParquetWriter(tmp_path)])

    go(several(), max_rejected=1.0)
    rows = rows_in(tmp_path)
    assert endpoint.stats()["completions"] == 12
    report, notes = go(several(), max_rejected=1.0, retry="rejected")

    assert any("4 rejected rows are asked again" in note for note in notes)
    assert endpoint.stats()["completions"] == 12 + 4
    assert report.counts.rows_rejected == 4
    assert rows_in(tmp_path).equals(rows)


class Unasked(LLMGenerationStage):
    """Cannot ask about one part of each row."""

    def messages_for(self, row):
        """Refuse, or ask."""
        if row["part"] == "b":
            raise RowError("nothing to ask about")
        return super().messages_for(row)


@pytest.mark.parametrize("choices", ["rows", "list"])
def test_rows_that_were_never_asked_cost_no_others(simulator, go, tmp_path, choices):
    """Where one of several rows with an id could not be asked, the answers to the others are kept."""
    endpoint = simulator()

    def several():
        client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", base_delay=0.01)
        steps = [SampleSource(4, {"language": ["English"]}), RepeatRows("part", ["a", "b", "c"])]
        steps.append(PromptTemplateStage("Part {part} in {language}."))
        steps.append(Unasked(client, "m", seed_per_row=True, choices=choices))
        return Pipeline("p", stages=[*steps, ParquetWriter(tmp_path)])

    go(several())
    report, _ = go(several(), retry="rejected")

    assert endpoint.stats()["completions"] == 8
    assert (report.counts.rows_written, report.counts.rows_rejected) == (8, 4)
