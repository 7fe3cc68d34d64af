"""Finding and reading the lines of JSON Lines files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.json_lines import LineIndex, first_rows, read_piece


def _index(tmp_path, content):
    file = tmp_path / "x.jsonl"
    file.write_bytes(content)
    return LineIndex(str(file))


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    data=st.data(),
    lines=st.lists(
        st.sampled_from([b"{}", b'{"a":1}', b"", b"  ", b"\t", b"no json", b"\xff", '{"é":1}'.encode()])
    ),
    end=st.sampled_from([b"\n", b"\r\n"]),
    last=st.booleans(),
    mark=st.booleans(),
)
def test_any_piece(tmp_path_factory, *, data, lines, end, last, mark):
    """Every piece has the rows of the same lines as reading the file as a whole, with their line numbers."""
    content = (b"\xef\xbb\xbf" if mark else b"") + end.join(lines) + (end if last else b"")
    index = _index(tmp_path_factory.mktemp("lines"), content)
    expected = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    assert len(index) == len(expected)
    if expected:
        first = data.draw(st.integers(0, len(expected) - 1))
        rows = data.draw(st.integers(1, len(expected) - first))
        piece = json.loads(json.dumps(index.piece(first, rows)))
        for (number, line), found in zip(
            expected[first : first + rows], read_piece(piece, index.file), strict=True
        ):
            try:
                assert found.values == json.loads(line)
            except ValueError:
                assert f"x.jsonl, line {number}: " in str(found.error)


def test_lines_that_are_no_objects(tmp_path):
    """Each has an error with the file, the line and what is there."""
    index = _index(tmp_path, b'{"a": 1}\n\n[1]\n{"a": \n')
    good, array, cut = read_piece(index.piece(0, 3), index.file)

    assert (good.values, good.error) == ({"a": 1}, None)
    assert "line 3: expected a JSON object, found b'[1]'" in str(array.error)
    assert "line 4: this is no JSON" in str(cut.error)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\x1f\x8b\x08", "gzip: decompress"),
        (b"\x28\xb5\x2f\xfd", "zstd: decompress"),
        ('{"a":1}'.encode("utf-16"), "UTF-16: save it as UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "UTF-16: save it as UTF-8"),
        ('{"a":1}'.encode("utf-16-be"), "UTF-16: save it as UTF-8"),
        ('{"a":1}'.encode("utf-32"), "UTF-32: save it as UTF-8"),
        (b"PAR1", "Parquet file: use ParquetReader"),
        (b"PK\x03\x04", "zip archive: take the files out"),
    ],
)
def test_other_formats(tmp_path, content, complaint):
    """Files of other formats are told by their first bytes."""
    with pytest.raises(ConfigError, match=complaint):
        _index(tmp_path, content)


def test_json_array(tmp_path):
    """A .json file with one array says what to do."""
    file = tmp_path / "x.json"
    file.write_text('[{"a": 1}]')

    with pytest.raises(ConfigError, match="JSON array: write one object a line"):
        LineIndex(str(file))


def test_changed_content(tmp_path):
    """A file of the same length with other lines ends the job."""
    index = _index(tmp_path, b'{"a":1}\n{"a":2}\n')
    piece = index.piece(0, 2)
    (tmp_path / "x.jsonl").write_bytes(b'{"a":1} {"a":2}\n')

    with pytest.raises(ConfigError, match="has changed"):
        read_piece(piece, index.file)


def test_first_rows(tmp_path):
    """A sample has the rows that can be decoded, and the first fault; it goes on until there is a row."""
    index = _index(tmp_path, b'\xef\xbb\xbf{"a":1}\nbad\n\n{"a":2}\n{"a":3}\n')
    rows, wrong = first_rows(index.file, 4)

    assert rows == [{"a": 1}, {"a": 2}]
    assert "line 2" in str(wrong)
    rows, wrong = first_rows(_index(tmp_path, b"bad\n" * 50 + b'{"a":1}\n{"a":2}\n').file, 4)
    assert rows == [{"a": 1}]
    assert "line 1" in str(wrong)
    assert first_rows(_index(tmp_path, b"\n \n").file, 4) == ([], None)
