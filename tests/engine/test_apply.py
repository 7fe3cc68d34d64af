from __future__ import annotations

import pytest

from nemo_sdg import AsyncOpenAIClient, LLMGenerationStage, ParseRegex
from nemo_sdg.errors import ConfigError, MissingColumnError
from nemo_sdg.simulator import Faults, Latency, Limits
from nemo_sdg.stages import Stage

pytestmark = pytest.mark.ray


@pytest.fixture
def ray(ray_instance):
    """Return Ray, running."""
    return ray_instance


def generation(endpoint, **options):
    """Return a stage that asks the endpoint for each row."""
    client = AsyncOpenAIClient(
        base_url=endpoint.base_url, **{"api_key": "none", "base_delay": 0.01, **options}
    )
    return LLMGenerationStage(client, "m", generation_config={"seed": 1})


def test_a_stage_on_a_dataset_of_ones_own(ray, simulator):
    """A stage goes on a Dataset lazily; its actors ask for each row, share one budget and try again."""
    said = {"requests_per_minute": 1500}
    endpoint = simulator(latency=Latency.fixed(1), faults=Faults(reset=0.1), limits=Limits(**said))
    rows = [{"messages": [{"role": "user", "content": f"question {number}"}]} for number in range(128)]
    asked = generation(endpoint, max_concurrent_requests=16, limits=said)

    made = asked.apply(ray.data.from_items(rows, override_num_blocks=4), workers=2)
    assert endpoint.stats()["requests"] == 0
    table = made.to_pandas()

    assert len(table) == len(set(table["row_id"])) == 128
    assert set(table["status"]) == {"ok"}
    assert table["text"].str.len().min() > 0
    stats = endpoint.stats()
    assert "429" not in stats["by_status"]  # the limit holds for both together
    assert 128 < stats["requests"] < 180  # those that broke were sent again
    assert stats["concurrency"]["peak"] <= 32  # neither goes beyond its bound


def test_rejected_rows_do_not_stop_the_dataset(ray):
    """Blocks of which all rows are rejected go together with others; the reason stands beside each row."""
    rows = ray.data.from_items([{"text": "n=1"}, {"text": "none"}], override_num_blocks=2)

    made = ParseRegex(r"n=(?P<n>\d)").apply(rows, workers=1)

    found = {row["text"]: row for row in made.take_all()}
    assert (found["n=1"]["n"], found["n=1"]["status"], found["n=1"]["rejection"]) == ("1", "ok", None)
    assert found["none"]["status"] == "rejected"
    assert found["none"]["rejection"].startswith("parse_regex: ParseError: ")


def test_what_ends_a_job_ends_it(ray, simulator):
    """A key that is refused ends the use of the dataset, with what to do in Ray's error."""
    endpoint = simulator(api_keys=frozenset({"right"}))
    rows = ray.data.from_items([{"messages": [{"role": "user", "content": "x"}]}])

    with pytest.raises(ray.exceptions.RayTaskError, match="does not accept the API key"):
        generation(endpoint).apply(rows, workers=1).take_all()


class Broken(Stage):
    """Needs a column."""

    requires = ("title",)

    def process(self, batch):
        return batch


def test_what_shows_before_it_runs(ray):
    """A column that is missing, no dataset and no number of workers are told at once."""
    rows = ray.data.from_items([{"text": "n=1"}])

    with pytest.raises(MissingColumnError, match="stage broken needs the column 'title'"):
        Broken().apply(rows)
    with pytest.raises(ConfigError, match=r"broken was given \[1\]: give a ray.data.Dataset"):
        Broken().apply([1])
    with pytest.raises(ConfigError, match="workers is 0: give a whole number of at least 1"):
        Broken().apply(rows, workers=0)
