"""Stages out of functions."""

from __future__ import annotations

import asyncio
import inspect
import pickle

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.function import AsyncFunctionStage, FunctionStage, stage

_BATCH = pa.table({"row_id": [5, 6, 7], "status": ["ok"] * 3, "text": ["a", "bb", "ccc"]})


def _long(batch):
    return batch.filter(pc.greater(pc.utf8_length(batch["text"]), 1))


def test_table():
    """A function gets the batch and returns another, with a column more or a row less."""
    made = FunctionStage(_long).process(_BATCH)

    assert made["row_id"].to_pylist() == [6, 7]


@pytest.mark.parametrize("annotation", [pd.DataFrame, "pd.DataFrame", "pandas.DataFrame"])
def test_frame(annotation):
    """A function whose parameter is a DataFrame gets one, also where annotations are strings."""

    def upper(frame):
        assert isinstance(frame, pd.DataFrame)
        return frame.assign(text=frame["text"].str.upper())

    upper.__annotations__ = {"frame": annotation}
    made = stage(upper).process(_BATCH)

    assert made.schema.equals(_BATCH.schema)
    assert made["text"].to_pylist() == ["A", "BB", "CCC"]


def test_mapping_adds_columns():
    """A mapping of columns is added to the batch."""
    made = stage(lambda batch: {"length": pc.utf8_length(batch["text"]), "n": [1, 2, 3]}).process(_BATCH)

    assert made.column_names == ["row_id", "status", "text", "length", "n"]
    assert made["length"].to_pylist() == [1, 2, 3]


def test_lost_columns_are_put_back():
    """The engine's columns come back when the number of rows is the same."""
    made = stage(lambda batch: pa.table({"text": batch["text"]})).process(_BATCH)

    assert made["row_id"].to_pylist() == [5, 6, 7]
    assert made["status"].to_pylist() == ["ok"] * 3


def test_lost_row_id():
    """Fewer rows without row_id cannot be told apart: the error says to keep it."""
    with pytest.raises(ConfigError, match=r"made 2 rows of 3 and left out 'row_id': keep that column"):
        stage(lambda batch: _long(batch).select(["text"])).process(_BATCH)


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (None, "returned NoneType"),
        ([1], "returned list"),
        ({"n": [1]}, "returned 1 values in 'n' for 3 rows"),
        ({"row_id": [1, 2, 3]}, "'row_id', which belongs to the engine"),
    ],
)
def test_refused_results(made, complaint):
    """What is no batch is refused with the name of the stage."""
    with pytest.raises(ConfigError, match=complaint):
        stage(lambda _: made, name="mine").process(_BATCH)


def test_asynchronous():
    """An asynchronous function makes a stage whose process is asynchronous, as the engine looks for."""

    async def shout(batch):
        await asyncio.sleep(0)
        return {"loud": pc.utf8_upper(batch["text"])}

    made = stage(shout)

    assert isinstance(made, AsyncFunctionStage)
    assert inspect.iscoroutinefunction(made.process)
    assert asyncio.run(made.process(_BATCH))["loud"].to_pylist() == ["A", "BB", "CCC"]
    with pytest.raises(ConfigError, match="use AsyncFunctionStage"):
        FunctionStage(shout)
    with pytest.raises(ConfigError, match="use FunctionStage"):
        AsyncFunctionStage(_long)


def test_name_and_columns():
    """The stage is named after the function unless told, and says what it needs and makes."""
    assert stage(_long).name == "_long"
    assert stage(_long).adds is None
    named = stage(_long, name="long", requires=["text"], adds=["n"])
    assert (named.name, named.requires, named.adds) == ("long", ("text",), ("n",))


def test_settings_follow_the_text():
    """A function that was changed has other settings; the same one has the same."""

    def one(batch):
        return batch

    first = stage(one).settings()

    def one(batch):
        return batch.slice(0, 1)

    assert stage(one).settings() != first
    assert stage(one).settings() == stage(one).settings()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"function": 3}, "function is 3"),
        ({"function": lambda: None}, "takes no argument"),
        ({"function": _long, "requires": "text"}, "requires is 'text': give a list"),
        ({"function": _long, "adds": ["row_id"]}, "'row_id', which belongs"),
    ],
)
def test_refused_arguments(arguments, complaint):
    """What is no function of a batch, and names that are none, are refused."""
    with pytest.raises(ConfigError, match=complaint):
        FunctionStage(**arguments)


def test_journey_to_a_worker():
    """A decorated function that no module holds, annotations as strings, survives Ray's pickling."""
    from ray import cloudpickle

    @stage
    def double(frame: pd.DataFrame):
        return frame.assign(n=frame["n"] * 2)

    there = pickle.loads(cloudpickle.dumps(double))

    assert there.process(pa.table({"row_id": [0], "n": [4]})).to_pylist() == [{"row_id": 0, "n": 8}]
