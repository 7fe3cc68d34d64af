from __future__ import annotations

import signal
import threading

import pytest

from nemo_sdg.engine.interrupt import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_asks_second_stops(number):
    """One Ctrl-C or SIGTERM calls the stop function, the second raises KeyboardInterrupt."""
    asked = []
    before = signal.getsignal(number)

    with Interrupts(lambda: asked.append(1)) as interrupts:
        signal.raise_signal(number)
        assert (asked, interrupts.count) == ([1], 1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    assert signal.getsignal(number) is before


def test_other_threads_are_left_alone():
    """Outside the main thread nothing is taken over, and nothing fails."""
    before = signal.getsignal(signal.SIGINT)

    def work():
        with Interrupts(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    seen = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
