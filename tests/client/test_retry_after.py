from __future__ import annotations

import os
import time
from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.client.retry_after import LONGEST_WAIT, retry_after

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-4"}, 0),
        ({"retry-after": "1e99"}, LONGEST_WAIT),
        ({"retry-after": "inf"}, LONGEST_WAIT),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after-ms": "-1"}, 0),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT"}, 30),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 -0000"}, 30),
        ({"retry-after": "Sun Nov  6 08:50:07 1994"}, 30),
        ({"retry-after": "Sunday, 06-Nov-94 08:50:07 GMT"}, 30),
        ({"retry-after": "Sun, 06 Nov 1994 08:00:00 GMT"}, 0),
        ({"retry-after": "Sun, 06 Nov 9994 08:00:00 GMT"}, LONGEST_WAIT),
        ({"retry-after": "Sun, 99 Nov 1994 08:00:00 GMT"}, None),
    ],
)
def test_forms(headers, seconds):
    """Seconds, milliseconds and all three forms of HTTP dates are read, whatever the zone here is."""
    zone = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    try:
        found = retry_after(headers, NOW)
    finally:
        os.environ.pop("TZ")
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()

    assert found == (None if seconds is None else pytest.approx(seconds))


def test_date_is_held_against_the_clock():
    """Without a given time a date is measured from now."""
    assert 50 < retry_after({"retry-after": formatdate(time.time() + 60, usegmt=True)}) <= 60


DATES = st.from_regex(
    r"\A[A-Z][a-z]{2}, ?[0-9]{1,4}[ -][A-Z][a-z]{2}[ -][0-9]{1,6} [0-9:]{1,9} ?[A-Z+-]?[0-9]{0,9}\Z"
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "retry-after-ms"]), st.text() | DATES | st.floats().map(str)
    )
)
def test_anything(headers):
    """Whatever a server sends, the answer is None or from 0 to LONGEST_WAIT seconds."""
    seconds = retry_after(headers)

    assert seconds is None or 0 <= seconds <= LONGEST_WAIT
