from __future__ import annotations

import pytest

from nemo_sdg.limits import SeenLimit
from nemo_sdg.limits.ietf_headers import ietf_limit


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"ratelimit": '"default";r=50;t=30'}, SeenLimit(None, 50, 30)),
        ({"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'}, (100, 50, 30)),
        ({"ratelimit": '"default";r=9;t=1', "ratelimit-policy": '"default";q=10;w=1'}, (600, 9, 1)),
        ({"ratelimit": '"d";r=1199;t=1', "ratelimit-policy": '"d";q=1200;w=300'}, (None, 1199, 1)),
        ({"ratelimit": '"d";r=0;t=1', "ratelimit-policy": '"d";q=1200;w=300'}, (240, 0, 1)),
        ({"ratelimit": '"d";r=5;t=30', "ratelimit-policy": '"other name";q=100;w=30'}, (200, 5, 30)),
        (
            {
                "ratelimit": '"hour";r=900;t=30, "min";r=5;t=2',
                "ratelimit-policy": '"hour";q=1000;w=3600, "min";q=50;w=60',
            },
            (50, 5, 2),
        ),
        (
            {
                "ratelimit": '"b";r=900;t=30, "n";r=5;t=2',
                "ratelimit-policy": '"b";q=1000;w=60;qu="content-bytes", "n";q=2000;w=60;qu="requests"',
            },
            (2000, 5, 2),
        ),
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, (100, 50, 30)),
        ({"ratelimit": "limit=10, remaining=5, reset=7", "ratelimit-policy": "10;w=10"}, (60, 5, 7)),
        ({"ratelimit": "limit=50, remaining=40, reset=30", "ratelimit-policy": "50;w=0"}, (50, 40, 30)),
        ({"ratelimit-limit": "300", "ratelimit-remaining": "280", "ratelimit-reset": "53"}, (300, 280, 53)),
        (
            {
                "ratelimit-limit": "300",
                "ratelimit-remaining": "219",
                "ratelimit-reset": "2",
                "ratelimit-policy": '300;w=5;burst=330;comment="token bucket"',
            },
            (3600, 219, 2),
        ),
        (
            {"ratelimit-limit": "1000", "ratelimit-remaining": "900", "ratelimit-reset": "7200"},
            (None, 900, 7200),
        ),
        ({"ratelimit-limit": "10", "ratelimit-remaining": "9", "ratelimit-reset": "1"}, (None, 9, 1)),
        ({"ratelimit": ""}, None),
        ({"ratelimit": "x" * 100_000}, None),
        ({"ratelimit": '"d";r=;t=', "ratelimit-policy": '"d";q=1.5.2;w='}, None),
        ({"ratelimit-policy": '"d";q=100;w=60'}, None),
        ({}, None),
    ],
)
def test_forms(headers, limit):
    """All three forms of the drafts are read; a policy's window makes its quota one per minute."""
    assert ietf_limit(headers) == limit
