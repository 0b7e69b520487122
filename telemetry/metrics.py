"""What exporting costs and loses. Imported only by processes that export."""

from typing import Final

from prometheus_client import Counter

exported_bytes: Final = Counter("telemetry_exported_bytes", "Bytes of OTLP requests that a collector took.")
_spans: Final = Counter("telemetry_spans", "Spans made, by what became of them: exported or dropped.", ["result"])
exported_spans: Final = _spans.labels("exported")
dropped_spans: Final = _spans.labels("dropped")
