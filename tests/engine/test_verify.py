"""What a check of a run's output finds; on runs of the local engine."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    JsonlWriter,
    LengthFilter,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    SampleSource,
    SelectColumns,
)
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.verify import verify
from nemo_sdg.errors import OutputError
from nemo_sdg.simulator import Faults


@pytest.fixture(params=[ParquetWriter, JsonlWriter], ids=["parquet", "jsonl"])
def made(request, simulator, qa_pipeline, run, tmp_path):
    """Return the output of a finished run of 60 rows in 3 shards, some rejected, and how to run it again."""
    endpoint = simulator(faults=Faults(error_500=0.2), seed=2)
    out = tmp_path / "out"

    def again():
        options = {"num_samples": 60, "writer": request.param, "max_retries": 0}
        return run(qa_pipeline(endpoint.base_url, out, **options), shard_rows=20)

    report = again()
    assert 0 < report.counts.rows_rejected < 60
    return out, again


def problems(out):
    """Return what is wrong, in words."""
    return [problem.what for problem in verify(RunFolder(out)).problems]


def test_a_whole_run_has_no_problem(made):
    """A finished run is whole, with all its rows; each shard is told to the one who watches."""
    out, _ = made
    seen = []

    found = verify(RunFolder(out), each=lambda: seen.append(1))

    assert found.problems == []
    assert (found.shards, found.finished, len(seen)) == (3, 3, 3)
    rejected = sum(len(file.read_text().splitlines()) for file in (out / "rejected").iterdir())
    assert found.rows == 60 - rejected


def test_files_that_are_gone_or_changed_are_named(made):
    """A part that is gone, a changed byte and torn rejected rows are told by name, with what to do."""
    out, again = made
    first, second, _ = sorted(out.glob("part-*"))
    first.unlink()
    content = bytearray(second.read_bytes())
    content[len(content) // 2] ^= 1
    second.write_bytes(content)
    rejected = max((out / "rejected").iterdir())
    rejected.write_bytes(rejected.read_bytes()[:-10])

    found = verify(RunFolder(out)).problems

    names = [first.name, second.name, f"rejected/{rejected.name}"]
    assert [problem.what.split()[0] for problem in found] == names
    assert "is missing" in found[0].what
    assert "is not as it was written" in found[1].what
    for problem in found:
        assert "run the same command again" in problem.remedy
        assert str(out / "_run" / "done") in problem.remedy
    for problem in found:
        (out / "_run" / "done" / problem.remedy.split("/done/")[1].split()[0]).unlink()
    again()
    assert problems(out) == []


def test_shards_that_are_not_finished_are_counted(made):
    """A shard without its mark is not finished, and its part is not the dataset's yet."""
    out, _ = made
    (out / "_run" / "done" / "00001.json").unlink()

    found = problems(out)

    assert found[0] == "not finished: 1 of 3 shards, 20 rows"
    assert any("part-00001" in what and "not committed" in what for what in found)


def test_what_is_no_part_of_the_run_is_told(made):
    """A part file of another run beside the dataset would be read as data."""
    out, _ = made
    (out / "part-00099.parquet").write_bytes(b"PAR1")

    assert problems(out) == ["part-00099.parquet: of no shard of this run"]


def test_counts_are_compared(made):
    """A report or a mark that counts otherwise than the files is told."""
    out, _ = made
    report = json.loads((out / "report.json").read_text())
    report["counts"]["rows_written"] += 1
    (out / "report.json").write_text(json.dumps(report))
    mark = out / "_run" / "done" / "00002.json"
    done = json.loads(mark.read_text())
    done["counts"]["rows_written"] += 2
    mark.write_text(json.dumps(done))

    found = problems(out)

    assert any(what.startswith("part-00002") and "were counted" in what for what in found)
    assert any(what.startswith("report.json counts") for what in found)


def test_equal_answers_to_one_request_are_no_problem(simulator, run, tmp_path):
    """Rows of several choices may be equal in all columns that are kept."""
    client = AsyncOpenAIClient(base_url=simulator().base_url, api_key="none")
    stages = [SampleSource(20, {"language": ["English"]}), PromptTemplateStage("A word in {language}")]
    stages += [LLMGenerationStage(client, "m", generation_config={"n": 3, "temperature": 0.9})]
    stages += [SelectColumns(["model"]), ParquetWriter(tmp_path)]

    run(Pipeline("p", stages=stages))

    assert pq.read_table(tmp_path / "part-00000.parquet").num_rows > 20
    assert problems(tmp_path) == []


def test_rows_that_are_there_twice_are_counted(simulator, qa_pipeline, run, tmp_path):
    """Rows of a part that are equal in all columns are told, although the counts fit."""
    run(qa_pipeline(simulator().base_url, tmp_path, num_samples=20))
    part = tmp_path / "part-00000.parquet"
    table = pq.read_table(part)
    folder = RunFolder(tmp_path)
    mark = folder.done()[0]
    pq.write_table(table.take([0, 0, *range(2, table.num_rows)]), part)
    with part.open("rb") as stream:
        mark.files[part.name] = type(mark.files[part.name]).of(stream)
    folder.write_done(mark)

    assert problems(tmp_path) == ["part-00000.parquet has 1 rows twice"]


def test_a_run_without_rows_is_whole(simulator, qa_pipeline, run, tmp_path):
    """Where a filter left nothing there is no part file, and that is right."""
    run(qa_pipeline(simulator().base_url, tmp_path, more=[LengthFilter(min_chars=10**6)]))

    assert problems(tmp_path) == []


def test_a_folder_without_a_run_is_an_error(tmp_path):
    """A folder that is no run's is said to be none."""
    with pytest.raises(OutputError, match="holds no run: give the output folder"):
        verify(RunFolder(tmp_path))
