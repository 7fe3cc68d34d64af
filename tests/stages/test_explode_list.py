from __future__ import annotations

import pyarrow as pa
import pytest

from nemo_sdg import (
    ExplodeList,
    LLMGenerationStage,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
    SampleSource,
)
from nemo_sdg.client import AsyncOpenAIClient
from nemo_sdg.errors import ConfigError, MissingColumnError

ROWS = pa.table(
    {
        "row_id": [4, 4, 7, 8, 9],
        "of": ["a", "b", "c", "d", "e"],
        "items": [["x", " y "], ["X", "z", None], [], None, ["x", "", "x  y", "X Y"]],
    }
)


def made(stage, batch=ROWS):
    """Return the rows that a stage makes, as tuples."""
    table = stage.process(batch)
    return table.column_names, list(zip(*table.to_pydict().values(), strict=True))


def test_a_row_for_each_item():
    """Items become rows in order, with all that was in their row; empty ones and empty lists make none."""
    names, rows = made(ExplodeList("items"))

    assert names == ["row_id", "of", "items"]
    assert rows == [
        (4, "a", "x"),
        (4, "a", "y"),
        (4, "b", "X"),
        (4, "b", "z"),
        (9, "e", "x"),
        (9, "e", "x  y"),
        (9, "e", "X Y"),
    ]


def test_no_item_twice_for_a_row():
    """With unique, an item comes once for each row_id, whatever its capitals and spaces; positions stay."""
    names, rows = made(ExplodeList("items", output="item", position="place", unique=True))

    assert names == ["row_id", "of", "item", "place"]
    assert [(row[0], *row[2:]) for row in rows] == [
        (4, "x", 0),
        (4, "y", 1),
        (4, "z", 1),
        (9, "x", 0),
        (9, "x  y", 2),
    ]


def test_at_most_so_many():
    """Of long lists the beginning is taken."""
    assert [row[2] for row in made(ExplodeList("items", max_items=1))[1]] == ["x", "X", "x"]


@pytest.mark.parametrize("items", [pa.array([[1, 2], [2]]), pa.array([[{"a": 1}], [{"a": 2}]])])
def test_any_type_of_items(items):
    """Numbers and structs keep their type."""
    table = ExplodeList("items", unique=True).process(pa.table({"row_id": [0, 1], "items": items}))

    assert table.schema.field("items").type == items.type.value_type
    assert table["items"].to_pylist() == [item for row in items.to_pylist() for item in row]


def test_nothing_there():
    """A column of nothing but nulls, and a table without rows, make no rows."""
    nulls = pa.table({"row_id": [1], "items": pa.nulls(1)})

    assert ExplodeList("items", output="item").process(nulls).num_rows == 0
    assert ExplodeList("items").process(ROWS.slice(0, 0)).schema.field("items").type == pa.string()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"column": ""}, "column is ''"),
        ({"column": "x", "output": "row_id"}, "belongs to the engine"),
        ({"column": "x", "max_items": 0}, "max_items is 0"),
        ({"column": "x", "max_items": True}, "max_items is True"),
        ({"column": "x", "position": "x"}, "which holds the items"),
        ({"column": "x", "unique": "yes"}, "unique is 'yes'"),
    ],
)
def test_arguments_of_no_use(arguments, message):
    """What cannot be meant is refused."""
    with pytest.raises(ConfigError, match=message):
        ExplodeList(**arguments)


def test_columns_of_no_use():
    """A column that is not there, or holds no lists, ends the job with its name."""
    with pytest.raises(MissingColumnError, match="'other'"):
        ExplodeList("other").process(ROWS)
    with pytest.raises(ConfigError, match="needs lists in the column 'of', which holds string"):
        ExplodeList("of").process(ROWS)


def test_in_a_run(simulator, go, rows_in, tmp_path):
    """A list that a model answers with becomes rows, and a second run changes and pays nothing."""
    server = simulator()
    fields = {"names": {"type": "array", "items": {"type": "string"}}}

    def pipeline():
        return Pipeline(
            "p",
            stages=[
                SampleSource(6, {"place": ["sea", "sky"]}),
                PromptTemplateStage("List 7 animals of the {place}."),
                LLMGenerationStage(
                    AsyncOpenAIClient(base_url=server.base_url, api_key="none"),
                    "m",
                    seed_per_row=True,
                    response_format={"type": "object", "properties": fields},
                ),
                ExplodeList("names", output="animal", position="rank"),
                ParquetWriter(tmp_path / "out"),
            ],
        )

    report, _ = go(pipeline())
    rows = rows_in(tmp_path / "out")

    assert (report.counts.rows_written, report.counts.added, report.counts.requests) == (42, 36, 6)
    assert report.counts.rows_filtered == report.counts.rows_rejected == 0
    assert rows["row_id"].to_pylist() == [row for row in range(6) for _ in range(7)]
    (tmp_path / "out/part-00000.parquet").unlink()
    go(pipeline())
    assert rows_in(tmp_path / "out").equals(rows)
    assert server.stats()["completions"] == 6
