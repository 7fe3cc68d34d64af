from __future__ import annotations

import signal
import threading

import pytest

from nemo_sdg.engine.interrupt import Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_first_signal_asks_second_stops(number):
    """One signal calls the stop function, the second raises KeyboardInterrupt."""
    asked = []
    before = signal.getsignal(number)

    with Interrupts(lambda: asked.append(1), within=60) as interrupts:
        assert (interrupts.number, interrupts.left) == (None, None)
        signal.raise_signal(number)
        assert (asked, interrupts.number) == ([1], number)
        assert interrupts.left is not None
        assert 0 < interrupts.left <= 60
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)

    assert signal.getsignal(number) is before


def test_time_that_runs_out_is_as_a_second_signal():
    """When `within` seconds are over, whoever waits for what is in flight is interrupted."""
    with Interrupts(lambda: None, within=0.05), pytest.raises(KeyboardInterrupt):  # noqa: PT012 - in this order
        signal.raise_signal(signal.SIGTERM)
        threading.Event().wait(60)


def test_nothing_comes_after_the_end():
    """A context that has ended in time is not interrupted later."""
    with Interrupts(lambda: None, within=0.05):
        signal.raise_signal(signal.SIGTERM)

    threading.Event().wait(0.15)


def test_other_threads_are_left_alone():
    """Outside the main thread nothing is taken over, and nothing fails."""
    before = signal.getsignal(signal.SIGINT)

    def work():
        with Interrupts(lambda: None, within=1):
            seen.append(signal.getsignal(signal.SIGINT))

    seen = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]
