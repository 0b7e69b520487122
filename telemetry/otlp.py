"""Spans as OTLP: to a protobuf request, and to a collector over HTTP. Blocking; imported only where it is used.

Must not know how spans are gathered.
"""

import http.client
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from telemetry.span import Attribute, Kind, Span

PATH: Final = "/v1/traces"
CONTENT_TYPE: Final = "application/x-protobuf"
SCOPE: Final = "saga-lab"
SERVICE_NAME: Final = "service.name"
NANOSECONDS: Final = 1_000_000_000
TIMEOUT_S: Final = 5.0

_KINDS: Final = {
    Kind.INTERNAL: trace_pb2.Span.SPAN_KIND_INTERNAL,
    Kind.SERVER: trace_pb2.Span.SPAN_KIND_SERVER,
    Kind.CLIENT: trace_pb2.Span.SPAN_KIND_CLIENT,
    Kind.PRODUCER: trace_pb2.Span.SPAN_KIND_PRODUCER,
    Kind.CONSUMER: trace_pb2.Span.SPAN_KIND_CONSUMER,
}


class Unexported(Exception):
    """The collector did not take the spans; ``refused``: nor ever will, so they need not be sent again."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class Otlp:
    """One collector, one kept-alive connection. ``resource`` says whose spans they are."""

    def __init__(self, endpoint: str, resource: Mapping[str, Attribute]) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"LAB_OTLP_ENDPOINT is no http:// URL: {endpoint!r}")
        self._host, self._port = parts.hostname, parts.port or 4318
        self._path = parts.path.rstrip("/") + PATH
        self._resource = dict(resource)
        self._connection: http.client.HTTPConnection | None = None

    def send(self, spans: Sequence[Span]) -> int:
        """The bytes that were sent. Raises ``Unexported``."""
        body = encode(spans, self._resource)
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            self._connection.request("POST", self._path, body, {"Content-Type": CONTENT_TYPE})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unexported(f"{type(error).__name__}: {error}") from error
        if answer.status >= 300:
            raise Unexported(f"HTTP {answer.status}", refused=answer.status in (400, 401, 403, 404, 413))
        return len(body)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def encode(spans: Iterable[Span], resource: Mapping[str, Attribute]) -> bytes:
    """``resource``: of the process; a span that is another's has its name in its place."""
    by_service: dict[str | None, list[Span]] = {}
    for span in spans:
        by_service.setdefault(span.service, []).append(span)
    request = ExportTraceServiceRequest(
        resource_spans=[
            _of_resource(resource if service is None else {**resource, SERVICE_NAME: service}, own)
            for service, own in by_service.items()
        ]
    )
    encoded: bytes = request.SerializeToString()
    return encoded


def _of_resource(resource: Mapping[str, Attribute], spans: Iterable[Span]) -> trace_pb2.ResourceSpans:
    scope = trace_pb2.ScopeSpans(scope=InstrumentationScope(name=SCOPE), spans=[_span(span) for span in spans])
    return trace_pb2.ResourceSpans(resource=Resource(attributes=_pairs(resource)), scope_spans=[scope])


def _span(span: Span) -> trace_pb2.Span:
    return trace_pb2.Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=int(span.began_at * NANOSECONDS),
        end_time_unix_nano=int(max(span.began_at, span.ended_at) * NANOSECONDS),
        attributes=_pairs(span.attributes),
        links=[
            trace_pb2.Span.Link(trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id))
            for link in span.links
        ],
        status=None if span.error is None else _failed(span.error),
    )


def _failed(error: str) -> trace_pb2.Status:
    return trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR, message=error)


def _pairs(attributes: Mapping[str, Attribute]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in attributes.items()]


def _value(value: Attribute) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
