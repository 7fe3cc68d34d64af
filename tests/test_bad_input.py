"""Whole local runs on bad input: it is refused before anything is paid for, or rejects its own rows."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nemo_sdg import (
    AsyncOpenAIClient,
    JsonlReader,
    LLMGenerationStage,
    ParquetReader,
    ParquetWriter,
    Pipeline,
    PromptTemplateStage,
)
from nemo_sdg.errors import NemoSDGError

GOOD = b'{"topic": "bread"}\n'


@pytest.fixture
def asked(simulator, run, tmp_path, rows_in):
    """Return a function that runs a job on an input; it returns report, written topics and rejections."""
    endpoint = simulator()
    output = tmp_path / "out"

    def go(reader, prompt="Write about {topic}.", style="format"):
        client = AsyncOpenAIClient(base_url=endpoint.base_url, api_key="none", base_delay=0.01)
        stages = [
            reader,
            PromptTemplateStage(prompt, style=style),
            LLMGenerationStage(client, "m"),
            ParquetWriter(path=output),
        ]
        report = run(Pipeline("bad", stages=stages))
        files = sorted(output.glob("rejected/part-*.jsonl"))
        rejected = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
        written = rows_in(output)["topic"].to_pylist() if report.counts.rows_written else []
        return report, written, sorted(rejected, key=lambda row: row["row_id"])

    go.requests = lambda: endpoint.stats()["completions"]
    go.output = output
    return go


def _input(folder, name, content):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder


BAD_LINES = [
    (b'{"topic": null}', "TemplateError", "column 'topic' is null in this row"),
    (b"{}", "TemplateError", "column 'topic' is null in this row"),
    (b'{"other": "x"}', "TemplateError", "column 'topic' is null"),
    (b"null", "RowError", "line 2: expected a JSON object, found b'null'"),
    (b'["a"]', "RowError", "line 2: expected a JSON object"),
    (b'{"topic": "x"', "RowError", "line 2: this is no JSON"),
    (b'{"topic": "x\xff"}', "RowError", "line 2: byte 13 of the line is not UTF-8"),
    (b'{"topic": "\\ud800"}', "RowError", "line 2: it has half of a surrogate pair"),
    (b'{"topic": "\0"}', "RowError", "line 2: this is no JSON"),
    (b"\0\0\0\0", "RowError", "line 2: nothing but NUL bytes"),
    (b'{"topic": NaN}', "RowError", "line 2: NaN is not JSON"),
    (b'{"topic": 1e999}', "RowError", "line 2: this cannot be read: Number out of range"),
    (
        b'{"topic": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        "RowError",
        "line 2: its lists and objects are nested",
    ),
    (b'{"topic": "x", "topic": "y"}', "RowError", "line 2: the key 'topic' is there twice"),
    (b'{"topic": "x"}\r{"topic": "y"}', "RowError", "line 2: it has a carriage return inside"),
]


@pytest.mark.parametrize(("line", "error", "message"), BAD_LINES)
def test_a_bad_row_rejects_only_itself(asked, tmp_path, line, error, message):
    """Whatever is wrong with a row, it is rejected unasked with the reason; its neighbours are answered."""
    report, written, rejected = asked(
        JsonlReader(_input(tmp_path / "in", "x.jsonl", GOOD + line + b"\n" + GOOD))
    )

    assert report.state == "finished"
    assert written == ["bread", "bread"]
    assert [(row["row_id"], row["error"]) for row in rejected] == [(1, error)]
    assert message in rejected[0]["message"]
    assert asked.requests() == 2


GOOD_LINES = [
    (b"\xef\xbb\xbf" + GOOD, ["bread"]),
    (b'{"topic": "a"}\r\n\r\n{"topic": "b"}\r\n', ["a", "b"]),
    (b'{"topic": "a"}\n \t\n{"topic": "b"}', ["a", "b"]),
    (b'{"topic": "a\\u0000b"}\n', ["a\0b"]),
    (b'{"topic": "\\ud83c\\udf5e"}\n', ["\N{BREAD}"]),
    (b'{"topic": "{other} {{topic}} {0.__class__}"}\n', ["{other} {{topic}} {0.__class__}"]),
    (b'{"topic": "../../etc/passwd"}\n', ["../../etc/passwd"]),
    (b'{"topic": 123456789012345678901234567890}\n', ["123456789012345678901234567890"]),
]


@pytest.mark.parametrize(("content", "topics"), GOOD_LINES)
def test_odd_rows_are_rows(asked, tmp_path, content, topics):
    """Marks, line ends, NUL characters and what looks like a template or a path stay as they are."""
    before = {file.name for file in tmp_path.iterdir()}
    report, written, rejected = asked(JsonlReader(_input(tmp_path / "in", "x.jsonl", content)))

    assert (report.state, written, rejected) == ("finished", topics, [])
    assert {file.name for file in tmp_path.iterdir()} - before == {"in", "out"}


def test_a_prompt_of_five_megabytes(asked, tmp_path):
    """A prompt as long as a library is asked as it is, and its row is whole."""
    long = json.dumps({"topic": "x" * 5_000_000}).encode() + b"\n"
    report, written, rejected = asked(JsonlReader(_input(tmp_path / "in", "x.jsonl", GOOD + long + GOOD)))

    assert (report.state, rejected) == ("finished", [])
    assert [len(topic) for topic in written] == [5, 5_000_000, 5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "b.jsonl").write_bytes(GOOD), r"b\.jsonl is new"),
        (lambda folder: (folder / "a.jsonl").write_bytes(GOOD), r"a\.jsonl: 38 bytes then, 19 now"),
        (lambda folder: (folder / "a.jsonl").write_bytes(GOOD + GOOD.upper().lower()), None),
        (lambda folder: (folder / "a.jsonl").write_bytes(GOOD + b'{"topic": "board"}\n'), "other content"),
        (lambda folder: (folder / "a.jsonl").rename(folder / "c.jsonl"), r"a\.jsonl is no longer there"),
    ],
)
def test_input_that_changed_between_runs(asked, tmp_path, change, words):
    """A run that goes on with another input is refused with what is different; nothing is asked again."""
    folder = _input(tmp_path / "in", "a.jsonl", GOOD + GOOD)
    asked(JsonlReader(folder))
    change(folder)
    if words is None:
        assert asked(JsonlReader(folder))[0].state == "finished"
    else:
        with pytest.raises(NemoSDGError, match=f"input of .* has changed .*\n.*{words}"):
            asked(JsonlReader(folder))
    assert asked.requests() == 2


def _parquet(columns):
    stream = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue().to_pybytes()


BREAD = _parquet({"topic": ["bread"]})

REFUSED = [
    (JsonlReader, {}, "has no files that end in .jsonl, .ndjson, .json: give one that has"),
    (JsonlReader, {"x.jsonl": b""}, "has no rows: give files that have some"),
    (JsonlReader, {"x.jsonl": b" \n\t\r\n"}, "has no rows: give files that have some"),
    (JsonlReader, {"x.jsonl": b'{"topik": "x"}\n'}, r"needs the column 'topic'.*did you mean 'topik'"),
    (JsonlReader, {"x.jsonl": b"{}\n"}, "needs the column 'topic', which no step before it makes"),
    (JsonlReader, {"x.jsonl": GOOD.decode().encode("utf-16")}, "x.jsonl is text in UTF-16: save it as UTF-8"),
    (JsonlReader, {"x.jsonl": GOOD.decode().encode("utf-16-le")}, "x.jsonl is text in UTF-16"),
    (JsonlReader, {"x.jsonl": b"\x1f\x8b\x08\x00cut"}, "x.jsonl is compressed by gzip: decompress it"),
    (JsonlReader, {"x.jsonl": BREAD}, "x.jsonl is a Parquet file: use ParquetReader"),
    (JsonlReader, {"x.json": b'[{"topic": "x"}]'}, "is a JSON array: write one object a line"),
    (JsonlReader, {"x.json": b'{\n"topic": "x"\n}\n'}, "no line is a JSON object: .*line 1: this is no JSON"),
    (JsonlReader, {"x.jsonl": "folder"}, "x.jsonl is a folder, not a file: take it away"),
    (JsonlReader, {"x.jsonl": "pipe"}, "x.jsonl is a named pipe, not a file"),
    (JsonlReader, {"x.jsonl": "loop"}, "x.jsonl cannot be read: Too many levels of symbolic links"),
    (
        JsonlReader,
        {"x.jsonl": GOOD, "y.jsonl": "link to x.jsonl"},
        "twice, also as .*: its rows would be read",
    ),
    (
        JsonlReader,
        {"x.jsonl": GOOD, "y.jsonl": "hard link to x.jsonl"},
        "twice, also as .*: its rows would be",
    ),
    (ParquetReader, {"x.parquet": b""}, "x.parquet cannot be read as Parquet: .*0 bytes"),
    (ParquetReader, {"x.parquet": GOOD}, "x.parquet cannot be read as Parquet: .*JsonlReader for JSON Lines"),
    (ParquetReader, {"x.parquet": BREAD[:-9]}, "x.parquet cannot be read as Parquet"),
    (ParquetReader, {"x.parquet": _parquet({"topic": pa.array([], pa.string())})}, "has no rows: give files"),
    (ParquetReader, {"x.parquet": _parquet({"topik": ["x"]})}, "needs the column 'topic'.*did you mean"),
    (
        ParquetReader,
        {"x.parquet": BREAD, "y.parquet": _parquet({"topic": [1]})},
        "'topic' is string in .* and",
    ),
]


def _made(folder, name, what):
    file = folder / name
    if isinstance(what, bytes):
        file.write_bytes(what)
    elif what == "folder":
        file.mkdir()
    elif what == "pipe":
        os.mkfifo(file)
    elif what == "loop":
        file.symlink_to(name)
    elif what.startswith("hard"):
        file.hardlink_to(folder / what.rpartition(" ")[2])
    else:
        file.symlink_to(what.rpartition(" ")[2])


@pytest.mark.parametrize(("kind", "files", "message"), REFUSED)
def test_bad_inputs_are_refused(asked, tmp_path, kind, files, message):
    """An input that cannot be read as asked ends with words: the thing, what is there, what to do; unpaid."""
    (tmp_path / "in").mkdir()
    for name, what in files.items():
        _made(tmp_path / "in", name, what)

    with pytest.raises(NemoSDGError, match=message):
        asked(kind(tmp_path / "in"))
    assert asked.requests() == 0


def test_damaged_rows_of_parquet(asked, tmp_path):
    """The rows of a damaged row group are rejected unasked; the others are answered."""
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / "x.parquet"
    pq.write_table(pa.table({"topic": [f"topic {n}" for n in range(9)]}), file, row_group_size=3)
    content = bytearray(file.read_bytes())
    at = pq.read_metadata(file).row_group(1).column(0).data_page_offset
    content[at : at + 30] = b"\xff" * 30
    file.write_bytes(content)
    report, written, rejected = asked(ParquetReader(tmp_path / "in"))

    assert report.state == "finished"
    assert written == [f"topic {n}" for n in (0, 1, 2, 6, 7, 8)]
    assert [row["row_id"] for row in rejected] == [3, 4, 5]
    assert "row group 1 (rows 3 to 5) is damaged" in rejected[0]["message"]
    assert asked.requests() == 6


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ topic.__class__.__mro__ }}",
        "{{ topic|attr('__init__') }}",
        "{{ '{0.__class__}'.format(topic) }}",
        "{{ self._TemplateReference__context.parent }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
        "{{ topic * 10**9 }}",
        "{{ topic|center(10**9) }}",
        "{{ range(10**9)|list }}",
    ],
)
def test_prompts_that_reach_too_far(asked, tmp_path, prompt):
    """A template that reaches for Python's insides, or for all the memory, rejects each row unasked."""
    report, written, rejected = asked(
        JsonlReader(_input(tmp_path / "in", "x.jsonl", GOOD)), prompt + "{{ topic }}", "jinja2"
    )

    assert (report.state, written) == ("finished", [])
    assert "the jinja2 template fails for this row" in rejected[0]["message"]
    assert asked.requests() == 0
