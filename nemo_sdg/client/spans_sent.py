"""How spans reach a collector: OpenTelemetry's own exporter, as its environment variables say.

Imported only where spans are wanted: it needs `nemo-sdg[telemetry]`.
"""

from __future__ import annotations

import atexit
import importlib.metadata
import logging
import os
import queue
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_SOON = 1000  # milliseconds: what is lost when a worker is killed
_AT_EXIT = 2000  # milliseconds that the end of a process may wait for a collector
_log = logging.getLogger("nemo_sdg")
_providers: list[TracerProvider] = []
_told = threading.Event()


def tracer() -> trace.Tracer:
    """Return what makes spans: of the provider that the program has set, else of one of ours."""
    version = importlib.metadata.version("nemo-sdg")
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=Resource.create(_service()), shutdown_on_exit=False)
        atexit.register(_within, _AT_EXIT, provider.shutdown)  # the provider's own may take 30 s
        delay = None if "OTEL_BSP_SCHEDULE_DELAY" in os.environ else _SOON
        provider.add_span_processor(BatchSpanProcessor(_Exporter(), schedule_delay_millis=delay))
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it would write over the panel
    _providers[:] = [provider]
    _told.clear()
    _sender.start()
    return provider.get_tracer("nemo_sdg", version)


def flush(milliseconds: int) -> None:
    """Send what is recorded, waiting for at most so long."""
    for provider in _providers:
        _within(milliseconds, partial(provider.force_flush, milliseconds))


def _within(milliseconds: int, call: Callable[[], object]) -> None:
    if not _sender.run(call, milliseconds):
        _tell()


def _tell() -> None:
    """Say once that spans do not arrive."""
    if not _told.is_set():
        _told.set()
        _log.warning("spans do not reach the collector: check OTEL_EXPORTER_OTLP_ENDPOINT (HTTP, protobuf)")


def _service() -> dict[str, str | bool | int | float]:
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return {} if named else {"service.name": "nemo-sdg"}


class _Sender:
    """Calls what may block for longer than it is told: OpenTelemetry's flush ignores its timeout."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], object], threading.Event]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, which cannot be done when the process is ending."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="nemo-sdg-spans", daemon=True)
            self._thread.start()

    def run(self, call: Callable[[], object], milliseconds: int) -> bool:
        """Call `call` in the thread, and return whether it was done within `milliseconds`."""
        done = threading.Event()
        self._calls.put((call, done))
        return done.wait(milliseconds / 1000)

    def _work(self) -> None:
        while True:
            call, done = self._calls.get()
            with suppress(Exception):  # spans must not cost more than themselves
                call()
            done.set()


_sender = _Sender()


class _Exporter(SpanExporter):
    """OpenTelemetry's exporter; says when spans do not arrive."""

    def __init__(self) -> None:
        self._exporter = OTLPSpanExporter()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send `spans`."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            _tell()
        return result

    def shutdown(self) -> None:
        """End."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is at hand."""
        return self._exporter.force_flush(timeout_millis)
