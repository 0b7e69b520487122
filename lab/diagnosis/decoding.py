"""From an OTLP request to the spans in it. Pure; brings protobuf along, so only the collector imports it."""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

from lab.diagnosis.seen import SeenSpan
from lab.errors import BadInput
from services.spans import COMPONENT, LANE

NANOSECONDS: Final = 1_000_000_000
ID_BYTES: Final = (16, 8)


def decode(body: bytes) -> list[SeenSpan]:
    """Raises ``BadInput``."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise BadInput(f"not an OTLP request: {error}") from error
    spans: list[SeenSpan] = []
    for of_resource in request.resource_spans:
        whose = _attributes(of_resource.resource.attributes)
        lane, component = str(whose.get(LANE, "")), str(whose.get(COMPONENT, ""))
        spans += [_seen(span, lane, component) for scope in of_resource.scope_spans for span in scope.spans]
    return spans


def _seen(span: trace_pb2.Span, lane: str, component: str) -> SeenSpan:
    if (len(span.trace_id), len(span.span_id)) != ID_BYTES:
        raise BadInput(f"span {span.name!r} has no valid ids")
    failed = span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    return SeenSpan(
        lane=lane,
        component=component,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        began_at=span.start_time_unix_nano / NANOSECONDS,
        ended_at=span.end_time_unix_nano / NANOSECONDS,
        error=(span.status.message or "error") if failed else None,
        attributes=_attributes(span.attributes),
        links=tuple(link.span_id.hex() for link in span.links if link.trace_id == span.trace_id),
        size=span.ByteSize(),
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind in ("string_value", "int_value", "double_value", "bool_value"):
        return getattr(value, kind)
    return None if kind is None else str(value)
