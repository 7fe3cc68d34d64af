from __future__ import annotations

import io
import json

import pytest

from nemo_sdg.planner.bounds import Bound
from nemo_sdg.planner.job_plan import JobPlan, LatencyPlan, StagePlan
from nemo_sdg.planner.plan_text import cells, facts
from nemo_sdg.planner.scaling import Scaled, Scaling
from nemo_sdg.planner.show import show
from nemo_sdg.report.text import display_width


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def scaled(workers, **changes):
    """Return a line of the table with wide figures."""
    options = {
        "workers": workers,
        "requests_per_second": 12_345.6,
        "of_limit": 0.9996,
        "in_flight": 65_536,
        "seconds": 36_000 + 59 * 60,
        "throttled": 0.0001,
        "messages_per_second": 500,
        **changes,
    }
    return Scaled(**options)


@pytest.fixture
def plan():
    """Return a function that makes a plan."""

    def make(**changes):
        options = {
            "pipeline": "multilingual_qa",
            "simulated": False,
            "measured": 0,
            "rows": 1_000_000,
            "engine": "ray",
            "workers": 2,
            "stages": [
                StagePlan(
                    stage="llm_generation",
                    model="meta/llama-3.3-70b-instruct",
                    endpoint="https://integrate.api.nvidia.com/v1",
                    requests=1_000_000,
                    prompt_tokens=83.3,
                    completion_tokens=512,
                )
            ],
            "requests": 1_000_000,
            "prompt_tokens": 83_300_000,
            "completion_tokens": 512_000_000,
            "cost": 319.695,
            "latency": LatencyPlan(2.0, 0.6, None, "assumed"),
            "limit": Bound("tokens per minute", 20.0),
            "bound": Bound("the workers' concurrency", 13.4),
            "useful_workers": 3,
            "expected": scaled(2),
            "scaling": Scaling([scaled(1), scaled(2), scaled(1_024, simulated=False)], 2_048),
            "tightest": "llm_generation",
            "assumptions": ["latency: median 2.0 s, sigma 0.6 (lognormal), assumed " + "and so on " * 12],
            **changes,
        }
        return JobPlan(**options)

    return make


@pytest.fixture
def shown(plan, monkeypatch):
    """Return a function that shows a plan and returns its lines."""
    monkeypatch.setenv("COLUMNS", "80")

    def lines(stream, *, as_json=False, **changes):
        show(plan(**changes), stream, as_json=as_json)
        return stream.getvalue().splitlines()

    return lines


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_it_fits_80_columns(shown, stream, simulated):
    """No line is wider than 80 columns, on a terminal or elsewhere, with the mark or without, nor cut."""
    import re

    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown(stream(), simulated=simulated)]

    assert max(map(display_width, lines)) <= 80
    assert not [line for line in lines if "…" in line]
    text = " ".join(" ".join(lines).replace("[simulated]", " ").split())
    for words in ("319.69", "10 h 59 min with 2 workers", "512.0 M completion", "2,048 to 1,024: the same"):
        assert words in text


def test_the_simulated_endpoint_is_marked(shown):
    """Each plain line of a plan for the simulated endpoint says so; on a terminal there is a banner."""
    assert all(line.startswith("[simulated]") for line in shown(io.StringIO(), simulated=True))
    assert "simulated" not in "\n".join(shown(io.StringIO()))
    assert any("SIMULATED ENDPOINT" in line for line in shown(Terminal(), simulated=True))


def test_json_is_the_same_as_data(shown, plan):
    """`--json` gives one object with everything that the text says."""
    data = json.loads("\n".join(shown(io.StringIO(), as_json=True)))

    assert (data["rows"], data["cost"], data["useful_workers"]) == (1_000_000, 319.695, 3)
    assert [row["workers"] for row in data["scaling"]["rows"]] == [1, 2, 1_024]
    assert data["limit"] == {"name": "tokens per minute", "requests_per_second": 20.0}
    assert data["assumptions"] == plan().assumptions


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "then by tokens per minute: 20.0/s"),
        ({}, "3 workers at most, by Little's law; more wait for tokens per minute"),
        ({"limit": None}, "no limit of the endpoint is known"),
        ({"limit": None}, "with more the rows are done no sooner"),
        ({"cost": None}, "set prices: {prompt: .., completion: ..}"),
        ({"cost": 0.00012}, "0.00012"),
        ({"cost": 0.0}, "0.00"),
        ({"engine": "local", "workers": 1}, "with 1 worker (engine local)"),
        ({"bound": Bound("tokens per minute", 20.0)}, "tokens per minute: 20.0/s at most"),
    ],
)
def test_what_is_said(plan, changes, words):
    """The facts say what binds, how many workers are of use, and what it costs or how to find out."""
    assert words in "\n".join(fact.text for fact in facts(plan(**changes)))


def test_figures_that_were_not_simulated_are_marked(shown):
    """Scaled figures have a mark, which is explained; a limit that is not known is a dash."""
    assert cells(scaled(4, simulated=False))[1].startswith("~")
    assert cells(scaled(4, of_limit=None))[2] == "-"
    assert any("~ scaled up from fewer workers" in line for line in shown(io.StringIO()))
