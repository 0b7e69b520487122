"""Spans sent by hand, for a process that makes them of what is stored and must know that they were taken. Blocking."""

import logging
from collections.abc import Sequence

from telemetry import metrics
from telemetry.otlp import Otlp, Unexported
from telemetry.span import Span

log = logging.getLogger(__name__)


class Exporter:
    """Sends, and counts what that cost."""

    def __init__(self, otlp: Otlp) -> None:
        self._otlp = otlp

    def export(self, spans: Sequence[Span]) -> bool:
        """False: the collector is away, and the spans are to be sent again. What it refuses is dropped."""
        try:
            size = self._otlp.send(spans)
        except Unexported as error:
            log.log(logging.WARNING if error.refused else logging.DEBUG, "telemetry: %s", error)
            if error.refused:
                metrics.dropped_spans.inc(len(spans))
            return error.refused
        metrics.exported_bytes.inc(size)
        metrics.exported_spans.inc(len(spans))
        return True

    def close(self) -> None:
        self._otlp.close()
