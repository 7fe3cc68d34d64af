from __future__ import annotations

import pytest

from nemo_sdg.report.facts import heading, request_facts
from nemo_sdg.report.numbers import Counts


@pytest.mark.parametrize(("hedged", "line"), [(0, None), (12, "12")])
def test_hedged_requests_are_shown_when_there_are_any(report, hedged, line):
    """Tries that were sent besides a slow one have a line of their own, and are no retries."""
    report.counts = Counts(requests=1000, attempts=1015 + hedged, throttles=5, hedged=hedged)

    facts = dict(request_facts(report))

    assert facts.get("hedged") == line
    assert facts["retries"] == "10"


@pytest.mark.parametrize(("reused", "line"), [(0, None), (1340, "1,340")])
def test_reused_answers_are_said_to_be_free(report, reused, line):
    """Answers that were found again are said not to have been paid for again, where there are any."""
    facts = dict(request_facts(report(counts=Counts(requests=5, reused=reused))))

    assert facts.get("answers reused, not paid for again") == line
    assert any("reused" in label for label in facts) == bool(reused)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(rows_written=7), "7 of 8 rows in the dataset"),
        (Counts(rows_written=157, added=149), "157 rows in the dataset, made of 8 rows"),
        (Counts(rows_written=8, added=40, joined=40), "8 of 8 rows in the dataset"),
    ],
)
def test_rows_that_became_more_are_no_part_of_those_before(report, counts, said):
    """Where stages make several rows of one, the dataset is not said to be more than all."""
    assert heading(report(counts=counts, rows_total=8)).endswith(said)
