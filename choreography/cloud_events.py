"""CloudEvents 1.0 in NATS headers (binary mode): an event to a message and back. Plain functions.

Subject ``orders.<order id>.<EventType>``; a replay for one service adds ``.replay.<service>``, so that nobody else
hears it. Extensions: ``correlationid`` (the order), ``causationid`` (the event that caused this one), ``traceparent``
(W3C: one trace an order; the span is that of the handling that told the event). Span ids are hashes of event ids, so a
message made again is the same message; the trace is the client's who placed the order, or else a hash of its id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from choreography.errors import Malformed
from choreography.events import BODIES, VERSION, AnyBody, EventType, order_id_of
from services.commands import Outgoing
from services.operations import Service
from telemetry.context import TraceContext, parse_traceparent
from telemetry.ids import span_id_of, trace_id_of

LANE: Final = "choreography"
SPEC_VERSION: Final = "1.0"
TYPE_PREFIX: Final = "lab.saga."
SOURCE_PREFIX: Final = "/choreography/"
CONTENT_TYPE: Final = "application/json"
REPLAY: Final = "replay"
_SERVICES: Final = frozenset(Service)
# As long as the ledgers' inbox has room for.
MAX_ID_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Heading:
    """What the subject alone tells of a message."""

    order_id: str
    type: EventType
    replay_for: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A message understood. ``causation_id`` None: nothing on the bus caused it."""

    id: str
    type: EventType
    order_id: str
    body: AnyBody
    source: str
    at: str
    causation_id: str | None
    traceparent: str


def subject_of(order_id: str, type_: EventType, replay_for: str | None = None) -> str:
    subject = f"orders.{order_id}.{type_}"
    return subject if replay_for is None else f"{subject}.{REPLAY}.{replay_for}"


def event_id(order_id: str, type_: EventType, suffix: str = "") -> str:
    """The same event of the same order has the same id, whoever makes it again; ``suffix`` makes another of it."""
    return f"{order_id}:{type_}:{suffix}" if suffix else f"{order_id}:{type_}"


def compose(
    type_: EventType,
    body: AnyBody,
    *,
    source: str,
    at: str,
    cause: Event | None = None,
    suffix: str = "",
    trace: TraceContext | None = None,
) -> Outgoing:
    """The message for an event; ``at`` is the instant it happened (RFC 3339).

    ``trace`` is the span that tells it, where no event caused it.
    """
    order_id = order_id_of(body)
    id_ = event_id(order_id, type_, suffix)
    headers = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": id_,
        "ce-source": SOURCE_PREFIX + source,
        "ce-type": f"{TYPE_PREFIX}{type_}.v{VERSION}",
        "ce-time": at,
        "ce-subject": order_id,
        "ce-dataschema": f"urn:lab:saga:{type_}:{VERSION}",
        "ce-correlationid": order_id,
        "ce-traceparent": _traceparent(order_id, id_, source, cause, trace),
        "content-type": CONTENT_TYPE,
    }
    if cause is not None:
        headers["ce-causationid"] = cause.id
    return Outgoing(id_, subject_of(order_id, type_), headers, body.model_dump_json().encode())


def again(headers: Mapping[str, str], new_id: str) -> dict[str, str]:
    """The headers of the same event under another id, so that no one takes it for one acted upon already."""
    return {**{name: value for name, value in headers.items() if not name.startswith("Nats-")}, "ce-id": new_id}


def heading_of(subject: str) -> Heading:
    """Raises ``Malformed`` for a subject that is none of ours."""
    tokens = subject.split(".")
    if len(tokens) not in (3, 5) or tokens[0] != "orders" or (len(tokens) == 5 and tokens[3] != REPLAY):
        raise Malformed(f"subject {subject!r} is not orders.<order id>.<EventType>")
    try:
        type_ = EventType(tokens[2])
    except ValueError:
        raise Malformed(f"there is no event type {tokens[2]!r}") from None
    return Heading(tokens[1], type_, tokens[4] if len(tokens) == 5 else None)


def parse(subject: str, headers: Mapping[str, str], data: bytes) -> Event:
    """Raises ``Malformed`` with every reason to distrust the message."""
    heading = heading_of(subject)
    missing = [name for name in ("ce-id", "ce-source", "ce-type", "ce-specversion") if not headers.get(name)]
    if missing:
        raise Malformed(f"header missing: {', '.join(missing)}")
    if headers["ce-specversion"] != SPEC_VERSION:
        raise Malformed(f"CloudEvents version {headers['ce-specversion']!r} is not {SPEC_VERSION}")
    if len(headers["ce-id"]) > MAX_ID_LENGTH or not headers["ce-id"].isprintable():
        raise Malformed(f"ce-id is longer than {MAX_ID_LENGTH} characters, or not printable")
    expected = f"{TYPE_PREFIX}{heading.type}.v{VERSION}"
    if headers["ce-type"] != expected:
        raise Malformed(f"ce-type {headers['ce-type']!r} is not {expected!r}")
    body = _body(heading, data)
    return Event(
        id=headers["ce-id"],
        type=heading.type,
        order_id=heading.order_id,
        body=body,
        source=headers["ce-source"],
        at=headers.get("ce-time", ""),
        causation_id=headers.get("ce-causationid"),
        traceparent=headers.get("ce-traceparent", ""),
    )


def _body(heading: Heading, data: bytes) -> AnyBody:
    try:
        body = BODIES[heading.type].model_validate_json(data)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)[:5]
        )
        raise Malformed(f"{heading.type}: {problems}") from None
    if order_id_of(body) != heading.order_id:
        raise Malformed(f"the body is about order {order_id_of(body)!r}, the subject about {heading.order_id!r}")
    return body


def _traceparent(order_id: str, id_: str, source: str, cause: Event | None, trace: TraceContext | None) -> str:
    if cause is None:
        told_by = trace or TraceContext(trace_id_of(LANE, order_id), span_id_of(id_), sampled=False)
    elif source in _SERVICES:
        told_by = handling_of(source, cause)
    else:
        told_by = _beside(cause, span_id_of(id_))
    return told_by.traceparent


def handling_of(service: str, event: Event) -> TraceContext:
    """A service's handling of an event, over all its deliveries."""
    return _beside(event, span_id_of(service, event.id))


def _beside(event: Event, span_id: str) -> TraceContext:
    caused = trace_of(event)
    return TraceContext(caused.trace_id, span_id, caused.sampled)


def trace_of(event: Event) -> TraceContext:
    """The span that told the event. One that came without a trace begins the order's own."""
    told_by = parse_traceparent(event.traceparent)
    return told_by or TraceContext(trace_id_of(LANE, event.order_id), span_id_of(event.id), sampled=False)
