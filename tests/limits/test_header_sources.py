from __future__ import annotations

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from nemo_sdg.limits import HeaderReader
from nemo_sdg.limits.headers import LOOK_AGAIN

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
OTHERS = {"date": "Tue, 14 Nov 2023 22:13:20 GMT", "content-type": "application/json", "x-request-id": "r"}
OPENAI = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-limit-tokens": "160000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-remaining-tokens": "159976",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-reset-tokens": "7.66s",
}
IN_OPENAI = {"requests": (5000, 4999, 0.012), "tokens": (160000, 159976, 7.66)}
PLAIN = {"x-ratelimit-limit": "50", "x-ratelimit-remaining": "9"}
ANTHROPIC = {
    f"anthropic-ratelimit-{name}-{what}": value
    for name, limit in {
        "requests": 50,
        "tokens": 90000,
        "input-tokens": 80000,
        "output-tokens": 10000,
    }.items()
    for what, value in {
        "limit": str(limit),
        "remaining": str(limit - 1),
        "reset": "2023-11-14T22:13:50Z",
    }.items()
}


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        (OPENAI, IN_OPENAI),
        (
            {
                "x-ratelimit-limit-requests": "14400",
                "x-ratelimit-remaining-requests": "14370",
                "x-ratelimit-reset-requests": "2m59.56s",
                "x-ratelimit-limit-tokens": "18000",
                "x-ratelimit-remaining-tokens": "17997",
                "x-ratelimit-reset-tokens": "7.66s",
            },
            {"requests": (None, 14370, 179.56), "tokens": (18000, 17997, 7.66)},
        ),
        (
            {"x-ratelimit-remaining-requests": "4", "x-ratelimit-remaining-tokens": "999"},
            {"requests": (None, 4, None), "tokens": (None, 999, None)},
        ),
        (
            {
                "x-ratelimit-api_key-limit-requests": "300",
                "x-ratelimit-api_key-remaining-requests": "299",
                "x-ratelimit-team-limit-requests": "900",
                "x-ratelimit-team-limit-tokens": "5000",
            },
            {"requests": (300, 299, None), "tokens": (5000, None, None)},
        ),
        (
            {
                "x-ratelimit-limit-requests": "2500",
                "x-ratelimit-remaining-requests": "2499",
                "x-ratelimit-renewalperiod-requests": "10",
                "x-ratelimit-limit-tokens": "-1",
                "x-ratelimit-remaining-tokens": "-1",
                "x-ratelimit-reset-tokens": "0",
            },
            {"requests": (15000, 2499, None)},
        ),
        (
            {
                "x-ratelimit-limit-tokens-minute": "5000000",
                "x-ratelimit-remaining-tokens-minute": "4999911",
                "x-ratelimit-tokens-query-cost": "52",
                "x-ratelimit-limit-req-minute": "720",
                "x-ratelimit-remaining-req-minute": "717",
            },
            {"requests": (720, 717, None), "tokens": (5e6, 4999911, None)},
        ),
        (
            {
                "ratelimitbysize-limit": "500000",
                "ratelimitbysize-remaining": "499900",
                "ratelimitbysize-reset": "28",
            },
            {"tokens": (500000, 499900, 28)},
        ),
        (
            {"x-ratelimitbysize-limit-minute": "500000", "x-ratelimitbysize-remaining-minute": "9"},
            {"tokens": (500000, 9, None)},
        ),
        (
            {
                "x-ratelimit-limit-requests-day": "14400",
                "x-ratelimit-remaining-requests-day": "14399",
                "x-ratelimit-limit-tokens-minute": "60000",
                "x-ratelimit-remaining-tokens-minute": "59000",
                "x-ratelimit-reset-tokens-minute": "15.5",
            },
            {"tokens": (60000, 59000, 15.5)},
        ),
        (
            {
                "x-ratelimit-limit-tokens-prompt": "3600000",
                "x-ratelimit-remaining-tokens-prompt": "3599000",
                "x-ratelimit-limit-tokens-generated": "36000",
                "x-ratelimit-remaining-tokens-generated": "35000",
            },
            {"prompt_tokens": (3.6e6, 3599000, None), "completion_tokens": (36000, 35000, None)},
        ),
        (
            ANTHROPIC,
            {
                "requests": (50, 49, 30),
                "tokens": (90000, 89999, 30),
                "prompt_tokens": (80000, 79999, 30),
                "completion_tokens": (10000, 9999, 30),
            },
        ),
        (
            {
                "x-ratelimit-limit": "10",
                "x-ratelimit-remaining": "8",
                "x-ratelimit-reset": "1",
                "x-tokenlimit-limit": "3000",
                "x-tokenlimit-remaining": "2900",
            },
            {"requests": (600, 8, 1), "tokens": (180000, 2900, None)},
        ),
        ({**PLAIN, "x-ratelimit-reset": "1700000030000"}, {"requests": (50, 9, 30)}),
        ({**PLAIN, "x-ratelimit-reset": "1700000030"}, {"requests": (50, 9, 30)}),
        ({**PLAIN, "x-ratelimit-reset": "1700030000000"}, {"requests": (None, 9, 30000)}),
        (PLAIN, {"requests": (None, 9, None)}),
        (
            {"ratelimit": '"d";r=9;t=30', "ratelimit-policy": '"d";q=10;w=1'},
            {"requests": (600, 9, 30)},
        ),
        (
            {"ratelimit-limit": "300", "ratelimit-remaining": "280", "ratelimit-reset": "53"},
            {"requests": (300, 280, 53)},
        ),
        ({f"llm_provider-{name}": value for name, value in OPENAI.items()}, IN_OPENAI),
        (
            {
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "59",
                **{f"llm_provider-{name}": value for name, value in OPENAI.items()},
            },
            {"requests": (60, 59, None), "tokens": IN_OPENAI["tokens"]},
        ),
        ({"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "0"}, None),
        (OTHERS, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("answers", [1, 2, LOOK_AGAIN])
def test_forms(headers, seen, answers):
    """Each provider's form is read: in its first answer, in the second, and when all are looked for again."""
    reader = HeaderReader()
    for _ in range(answers):
        found = reader.read(CIMultiDictProxy(CIMultiDict({**OTHERS, **headers})), NOW)

    assert (found and {kind: tuple(limit) for kind, limit in found.items()}) == seen


def test_input_and_output_are_not_swapped():
    """Anthropic's input tokens are those of the prompt, its output tokens those of the completion."""
    seen = HeaderReader().read(ANTHROPIC, NOW)

    assert seen["prompt_tokens"].limit == 80000
    assert seen["completion_tokens"].limit == 10000
