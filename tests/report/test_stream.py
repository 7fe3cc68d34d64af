from __future__ import annotations

import io

from nemo_sdg.report.stream import SteadyStream, is_terminal


class _Gone(io.StringIO):
    def write(self, _text):
        raise BrokenPipeError

    def flush(self):
        raise BrokenPipeError


def test_a_reader_that_left_is_no_error():
    """Writing to a broken pipe or a closed stream raises nothing."""
    closed = io.StringIO()
    closed.close()
    for stream in (SteadyStream(_Gone()), SteadyStream(closed)):
        assert stream.write("text") == 4
        stream.flush()
        assert not stream.isatty()


def test_what_cannot_be_encoded_is_replaced():
    """A terminal or file that is not UTF-8 shows "?" instead of stopping the run."""
    raw = io.BytesIO()
    stream = SteadyStream(io.TextIOWrapper(raw, encoding="ascii"))
    stream.write("Österreich ─ 日本 \ud800\n")
    stream.flush()
    assert raw.getvalue() == b"?sterreich ? ?? ?\n"


def test_is_terminal(terminal):
    """A terminal is told from a file, and from something that cannot say."""
    assert is_terminal(terminal)
    assert not is_terminal(io.StringIO())
    assert not is_terminal(object())
