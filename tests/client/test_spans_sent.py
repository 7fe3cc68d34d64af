from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

spans_sent = pytest.importorskip("nemo_sdg.client.spans_sent")
PROGRAM = """
from nemo_sdg.client import spans_sent
tracer = spans_sent.tracer()
for _ in range(4):
    tracer.start_span("chat m").end()
spans_sent.flush(50)
"""
SAYS = "spans do not reach the collector: check OTEL_EXPORTER_OTLP_ENDPOINT (HTTP, protobuf)"


class Stuck:
    """A provider whose flush ends only when it is let go."""

    def __init__(self):
        self.let_go, self.told = threading.Event(), []

    def force_flush(self, milliseconds):
        """Block, whatever the timeout."""
        self.told.append(milliseconds)
        self.let_go.wait()


def test_flush_is_bounded(monkeypatch, caplog):
    """A flush that ignores its timeout holds nobody up, nor does the next one; one warning says so."""
    sender, stuck = spans_sent._Sender(), Stuck()
    sender.start()
    monkeypatch.setattr(spans_sent, "_sender", sender)
    monkeypatch.setattr(spans_sent, "_providers", [stuck])
    monkeypatch.setattr(spans_sent, "_told", threading.Event())
    spans_sent.flush(20)
    spans_sent.flush(20)
    assert not stuck.let_go.is_set()
    stuck.let_go.set()
    done = []
    sender.run(lambda: 1 / 0, 10_000)  # which ends neither the thread nor the caller
    sender.run(lambda: done.append(True), 10_000)

    assert done
    assert [record.message for record in caplog.records] == [SAYS]
    assert stuck.told == [20, 20]


def test_a_silent_collector_does_not_hold_up_the_exit():
    """A process ends although a collector takes batches and never answers; the SDK's own would take 30 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
            "PYTHONPATH": ":".join(filter(None, sys.path)),
        }
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, timeout=25, check=False, capture_output=True
        )

    assert ended.returncode == 0
    assert ended.stderr.decode().splitlines() == [SAYS]
