from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages import CSVReader
from nemo_sdg.stages.rows import split_rejected


def all_rows(reader, shard_rows=2):
    """Return the good rows of a reader, shard by shard, and why the others are rejected, by row."""
    good, why = [], {}
    for shard in reader.plan(shard_rows):
        rows, rejections = split_rejected(reader.read(shard))
        good += rows.to_pylist()
        why.update({rejection.row_id: rejection.message for rejection in rejections})
    return good, why


@pytest.fixture
def reading(tmp_path):
    """Return a function that makes a reader of files with given contents."""

    def make(*contents: str | bytes, **options):
        for number, content in enumerate(contents):
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{number}.csv").write_bytes(data)
        return CSVReader(tmp_path, **options)

    return make


def test_rows_over_files_and_shards(reading):
    """Rows are numbered over files; columns go by name, missing ones are null, blank lines are no rows."""
    reader = reading("\ufeffa,b\r\n1,x\r\n\r\n2,y\r\n", "b,a\nz,3\n", "a\n4\n")

    good, why = all_rows(reader)

    assert reader.adds == ("row_id", "a", "b")
    assert good == [
        {"row_id": 0, "a": "1", "b": "x"},
        {"row_id": 1, "a": "2", "b": "y"},
        {"row_id": 2, "a": "3", "b": "z"},
        {"row_id": 3, "a": "4", "b": None},
    ]
    assert why == {}


def test_a_bad_row_costs_itself(reading):
    """Each kind of bad line is rejected alone, with file, line and reason; its neighbours are read."""
    reader = reading(
        b'id,text\n1,"two\nlines"\n2,a,b\n3,"open\n4,fine\n5,\xff\n6,"shut"x\n\n7,last\n', types={"id": "int"}
    )

    good, why = all_rows(reader)

    assert [(row["row_id"], row["id"], row["text"]) for row in good] == [
        (0, 1, "two\nlines"),
        (3, 4, "fine"),
        (6, 7, "last"),
    ]
    assert {row: text.partition("0.csv, ")[2] for row, text in why.items()} == {
        1: "line 4: 3 fields, the header has 2",
        2: "line 5: no CSV record: unexpected end of data",
        4: "line 7: '\xff' is not UTF-8",
        5: "line 8: no CSV record: ',' expected after '\"'",
    }


def test_typed_columns(reading):
    """Columns are text unless `types` says otherwise; what does not fit rejects its row."""
    reader = reading(
        "zip,n,x,ok\n007,1,1.5,True\n,,,\n1,1.0,1,true\n1,9223372036854775808,1,true\n1,1,1,yes\n",
        types={"n": "int", "x": "float", "ok": "bool"},
    )

    good, why = all_rows(reader)

    assert [list(row.values())[1:] for row in good] == [["007", 1, 1.5, True], ["", None, None, None]]
    assert ["n is '1.0'" in why[2], "64 bits" in why[3], "neither true nor false" in why[4]] == [True] * 3


def test_columns_and_delimiters(reading, tmp_path):
    """Columns can be chosen; fields are parted by what is given, by tabs in .tsv; the engine's names move."""
    reader = reading("a;status\n1,5;x\n", columns=["status"], delimiter=";")
    assert all_rows(reader)[0] == [{"row_id": 0, "source_status": "x"}]

    (tmp_path / "x.tsv").write_text("a\tb\n1,2\t3\n")
    assert all_rows(CSVReader(tmp_path / "x.tsv"))[0] == [{"row_id": 0, "a": "1,2", "b": "3"}]


def test_changes_are_seen(reading, tmp_path):
    """A file that has changed since the plan is named; rows are not read from it."""
    reader = reading("a\n1\n2\n")
    shards = reader.plan(1)
    assert reader.changes(shards) == []

    (tmp_path / "0.csv").write_text("a\n1\n3\n")
    assert "other content of the same size" in reader.changes(shards)[0]
    (tmp_path / "0.csv").write_text("a\n1\n2\n3\n")
    with pytest.raises(ConfigError, match="has changed since this run began"):
        reader.read(shards[0])


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a,a\n1,2\n", {}, "'a' is there twice; its first line must name each column once"),
        ("a,\n1,2\n", {}, "a column has no name"),
        (b"\xff\xfea\0", {}, "is text in UTF-16: save it as UTF-8"),
        ("a\n1\n", {"columns": ["b"]}, "columns has 'b', but the input has a"),
        (
            "a\n1\n",
            {"types": {"a": "date"}},
            "types has 'date' for 'a': give one of string, int, float, bool",
        ),
        ("a\n1\n", {"delimiter": "::"}, "delimiter is '::': give one ASCII character"),
    ],
)
def test_what_cannot_be_used(reading, content, options, message):
    """A header, a format or an argument that cannot be used is told before the run."""
    with pytest.raises(ConfigError, match=message):
        reading(content, **options)


def test_an_input_without_rows(reading):
    """A header alone is no input."""
    with pytest.raises(ConfigError, match="has no rows"):
        reading("a,b\n").plan(None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    ),
    shard_rows=st.integers(1, 9),
)
def test_whatever_is_written_is_read(reading, rows, shard_rows):
    """What Python's own writer writes is read as it was, however it is cut into shards."""
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])

    good, why = all_rows(reading(stream.getvalue()), shard_rows)

    assert [[row["a"], row["b"]] for row in good] == rows
    assert why == {}
