"""How spans reach a collector: OpenTelemetry's own exporter, as its environment variables say.

Imported only where spans are wanted: it needs `nemo-sdg[telemetry]`.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_SOON = 1000  # milliseconds: what is lost when a worker is killed
_log = logging.getLogger("nemo_sdg")
_providers: list[TracerProvider] = []


def tracer() -> trace.Tracer:
    """Return what makes spans: of the provider that the program has set, else of one of ours."""
    version = importlib.metadata.version("nemo-sdg")
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider(resource=Resource.create(_service()))
        delay = None if "OTEL_BSP_SCHEDULE_DELAY" in os.environ else _SOON
        provider.add_span_processor(BatchSpanProcessor(_Exporter(), schedule_delay_millis=delay))
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it would write over the panel
    _providers[:] = [provider]
    return provider.get_tracer("nemo_sdg", version)


def flush(milliseconds: int) -> None:
    """Send what is recorded, waiting for at most so long."""
    for provider in _providers:
        provider.force_flush(milliseconds)


def _service() -> dict[str, str | bool | int | float]:
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return {} if named else {"service.name": "nemo-sdg"}


class _Exporter(SpanExporter):
    """OpenTelemetry's exporter; says once when spans do not arrive."""

    def __init__(self) -> None:
        self._exporter = OTLPSpanExporter()
        self._told = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send `spans`."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS and not self._told:
            self._told = True
            _log.warning(
                "spans do not reach the collector: check OTEL_EXPORTER_OTLP_ENDPOINT (HTTP, protobuf)"
            )
        return result

    def shutdown(self) -> None:
        """End."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what is at hand."""
        return self._exporter.force_flush(timeout_millis)
