from __future__ import annotations

import pytest

from nemo_sdg.report.advice import advice
from nemo_sdg.report.numbers import Counts

_REJECTED = ("15 rejected rows in rejected/", "run again with --retry rejected to ask those again")
_CUT_OFF = (
    "33 answers cut off at max_tokens (3 %)",
    "raise generation.max_tokens and run again with --retry truncated",
)


@pytest.fixture
def mixed():
    """Make counts with rejected rows and answers that were cut off."""
    return Counts(rows_read=1000, rejected={"parse: ParseError": 15}, requests=1100, truncated=33)


def test_nothing_to_do(report):
    """A run that finished with every row needs no advice."""
    assert advice(report(counts=Counts(rows_read=1000, rows_written=1000, requests=1000))) == []


def test_what_to_ask_again(report, mixed):
    """A finished run says how answers that were cut off and rejected rows are asked for again."""
    assert advice(report(counts=mixed)) == [_CUT_OFF, _REJECTED]


def test_one_rejected_row(report):
    """One row is not called rows."""
    assert advice(report(counts=Counts(rejected={"x": 1})))[0][0] == "1 rejected row in rejected/"


def test_an_example_of_what_was_rejected(report):
    """Why one row was rejected stands there at once, in one line and without credentials."""
    counts = Counts(rejected={"x": 1})
    example = "title: own.py, line 7: f(row): KeyError: 'a'\nhttps://me:hunter2@host"
    found = advice(report(counts=counts, rejection=example))
    assert found[0] == ("a rejected row", "title: own.py, line 7: f(row): KeyError: 'a' https://host")


_FIRST = {"stopped": "", "failed": "mend that, then "}


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_a_run_that_ended_early(report, mixed, state):
    """A run that ended early is to be finished first; that answers are cut off is news that cannot wait."""
    assert advice(report(state=state, message="no\nroom at https://me:hunter2@host", counts=mixed)) == [
        ("why", "no room at https://host"),
        (
            "to go on",
            f"{_FIRST[state]}run the same command again: finished rows and answers are kept",
        ),
        _CUT_OFF,
    ]


@pytest.mark.parametrize(
    "message",
    [
        "max_cost 5.00 is spent: raise it and run the same command again",
        "max_cost 5 is reached: raise it to go on",
        "500 of 900 rows were rejected, more than max_rejected 0.5: see why in rejected/, or raise it",
        "the account has no credit left: add credit or use another key, then run again",
    ],
)
def test_a_message_that_says_how_to_go_on(report, message):
    """Where the message says what to do first, only what it leaves out is added."""
    made = report(state="stopped", message=message, counts=Counts())
    assert advice(made) == [("why", message), ("when you go on", "finished rows and answers are kept")]


def test_no_message(report):
    """Without a message nothing is given as the reason."""
    made = report(state="failed", message="", counts=Counts())
    assert [label for label, _ in advice(made)] == ["to go on"]
