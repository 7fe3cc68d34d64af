from __future__ import annotations

import pytest

from nemo_sdg.report.checkup import Checkup, EndpointFound, StepFound
from nemo_sdg.report.checkup_text import checkup_lines
from nemo_sdg.report.text import display_width

FINE = EndpointFound(
    "https://a.example/v1",
    "llama",
    ["ask", "judge", "ask"],
    "KEY_A",
    listed=True,
    key="accepted",
    answered=True,
    answered_by="llama-2025",
    latency=0.25,
    tokens=12,
    limits={"requests": 600, "prompt_tokens": 20_000},
)
BROKEN = EndpointFound(
    "https://b.example/v1",
    "llama",
    ["ask"],
    key="refused",
    error="AuthenticationError",
    problem="key: check it",
)


def found(*endpoints, **more):
    """Return a checkup with these endpoints."""
    values = {
        "pipeline": "p",
        "simulated": False,
        "steps": [StepFound("source", [], ["row_id", "text"]), StepFound("own" * 9, ["text"] * 9, None)],
        "rows": 1200,
        "output": "/data/out",
        "output_holds": None,
        "output_problem": "",
        "asked": True,
        "endpoints": list(endpoints),
        **more,
    }
    return Checkup(**values)


def shown(checkup, width=79):
    """Return the lines as one text."""
    return " ".join(" ".join(checkup_lines(checkup, width)).split())


@pytest.mark.parametrize("width", [40, 59, 79])
def test_lines_fit(width):
    """No line is wider than the terminal."""
    assert max(map(display_width, checkup_lines(found(FINE, BROKEN), width))) <= width


def test_what_is_fine():
    """Steps, rows, output and what the endpoint told are there, and what to do next."""
    text = shown(found(FINE))

    for words in (
        "stage needs adds",
        "not known before it runs",
        "input 1,200 rows",
        "output /data/out: can be written",
        "llama at https://a.example/v1, asked by ask, judge",
        "answered in 250 ms, 12 tokens; key accepted (KEY_A); model listed: yes; answered by llama-2025",
        "limits in its headers: requests 600, prompt tokens 20,000",
        "result all is well; see a few rows next: nemo-sdg preview",
    ):
        assert words in text
    assert found(FINE).status == 0


@pytest.mark.parametrize(
    ("checkup", "status", "words"),
    [
        (found(FINE, BROKEN), 1, "key: check it key refused; model listed: the endpoint does not say"),
        (found(FINE, BROKEN), 1, "1 of 2 endpoints cannot be used"),
        (found(FINE, output_problem="/data/out is full"), 2, "OUTPUT /data/out is full"),
        (found(FINE, output_holds="5 rows"), 0, "holds 5 rows; a run goes on there"),
        (found(BROKEN, asked=False), 1, "no endpoint was asked"),
        (found(), 0, "no stage asks a model"),
        (found(FINE, simulated=True), 0, "the simulated endpoint: base_url is not set"),
    ],
)
def test_what_is_not(checkup, status, words):
    """What is wrong is said with its remedy, and decides the exit status."""
    assert checkup.status == status
    if status == 0 or checkup.asked:
        assert words in shown(checkup)
