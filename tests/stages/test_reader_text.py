from __future__ import annotations

import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages import TextReader
from nemo_sdg.stages.rows import split_rejected


def texts(reader, shard_rows=1):
    """Return the texts of a reader's rows, read shard by shard."""
    return [text for shard in reader.plan(shard_rows) for text in reader.read(shard).column(1).to_pylist()]


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two texts, a blank one and something else."""
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf\none\r\n  two\r\n\r\n \r\nthree\r\n\r\n")
    (tmp_path / "b.md").write_text("four")
    (tmp_path / "c.txt").write_text("\n \n")
    (tmp_path / "d.pdf").write_text("five")
    return tmp_path


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("file", ["one\r\n  two\r\n\r\n \r\nthree", "four"]),
        ("paragraph", ["one\r\n  two", "three", "four"]),
        ("line", ["one", "  two", "three", "four"]),
    ],
)
@pytest.mark.parametrize("shard_rows", [1, 2, 10])
def test_what_a_row_is(folder, row, expected, shard_rows):
    """A row is a file, a paragraph or a line, without the blank lines around it, however shards are cut."""
    assert texts(TextReader(folder, row=row), shard_rows) == expected


def test_the_columns(folder):
    """Rows are numbered over all files, and say which file they are from."""
    reader = TextReader(folder, row="paragraph", column="document")

    rows = [row for shard in reader.plan(2) for row in reader.read(shard).to_pylist()]

    assert reader.adds == ("row_id", "document", "file")
    assert [(row["row_id"], row["file"]) for row in rows] == [(0, "a.txt"), (1, "a.txt"), (2, "b.md")]


def test_text_that_is_none_costs_its_row(folder):
    """A row that is not UTF-8 is rejected alone, with its file."""
    (folder / "b.md").write_bytes(b"good\n\xff\nagain\n")

    (shard,) = TextReader(folder / "b.md", row="line").plan(10)
    good, (rejected,) = split_rejected(TextReader(folder / "b.md", row="line").read(shard))

    assert good.column("text").to_pylist() == ["good", "again"]
    assert (rejected.row_id, rejected.row) == (1, {"file": "b.md"})
    assert "b.md is not UTF-8" in rejected.message


def test_changes_are_seen(folder):
    """A text that was changed or added is named; a blank one may come."""
    reader = TextReader(folder)
    shards = reader.plan(None)
    (folder / "e.txt").write_text("\n")
    assert TextReader(folder).changes(shards) == []

    (folder / "e.txt").write_text("new")
    (folder / "b.md").write_text("fuor")
    assert [line.rpartition("/")[2] for line in TextReader(folder).changes(shards)] == [
        "b.md: other content of the same size",
        "e.txt is new",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"row": "word"}, "row is 'word': give one of file, paragraph, line"),
        ({"column": "file"}, "column is 'file'"),
        ({"column": "row_id"}, "belongs to the engine"),
    ],
)
def test_what_cannot_be_used(folder, options, message):
    """Arguments that cannot be used are told at once."""
    with pytest.raises(ConfigError, match=message):
        TextReader(folder, **options)
