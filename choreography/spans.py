"""From an order's events to its spans: one for each attempt that is told of and one for each event handled. Pure.

The span of an event is that of the handling that told it. What was told can be made again from the events before, so
nothing depends on this memory of one order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from choreography.cloud_events import LANE, SOURCE_PREFIX, Event, handling_of, trace_of
from choreography.events import AnyBody, AttemptFailed, EventType, Failed
from choreography.reactions import TABLE
from services.operations import Operation, Service
from services.spans import ATTEMPT, OPERATION, SERVICE
from telemetry.context import TraceContext
from telemetry.ids import span_id_of
from telemetry.span import Attribute, Kind, Link, Span

MESSAGE_ID: Final = "messaging.message.id"
MAX_ERROR: Final = 300


@dataclass(frozen=True)
class _Stored:
    event: Event
    at: float


@dataclass
class Followed:
    """One order as far as it was followed. ``last``: the stream sequence of the last event heard."""

    last: int = 0
    _events: dict[str, _Stored] = field(default_factory=dict)
    _tried: dict[tuple[str, str], float] = field(default_factory=dict)  # service, cause -> when the last try had failed
    _attempts: dict[tuple[str, str], int] = field(default_factory=dict)

    def tell(self, event: Event, sequence: int, at: float) -> list[Span]:
        """What has ended with this event; ``at``: when it was stored (epoch seconds)."""
        if sequence <= self.last or event.id in self._events:
            return []
        self.last = sequence
        self._events[event.id] = _Stored(event, at)
        cause = self._events.get(event.causation_id or "")
        if cause is None:
            return []
        source = event.source.removeprefix(SOURCE_PREFIX)
        if source not in set(Service):
            return [_told_by_others(event, cause, source, at)]
        service = Service(source)
        operation = _operation(service, event, cause.event.type)
        attempt = [] if operation is None else [self._attempt(service, operation, event, cause, at)]
        if isinstance(event.body, AttemptFailed):
            return attempt
        return [*attempt, _handling(service, operation, event, cause, at)]

    def _attempt(self, service: Service, operation: Operation, event: Event, cause: _Stored, at: float) -> Span:
        body, one = event.body, (service.value, cause.event.id)
        number = body.attempt if isinstance(body, AttemptFailed) else self._attempts.get(one, 0) + 1
        began_at = self._tried.get(one, cause.at)
        self._attempts[one] = number
        self._tried[one] = at
        handling = handling_of(service, cause.event)
        return Span(
            name=f"{service} {operation} for {cause.event.type}",
            kind=Kind.CONSUMER,
            trace_id=handling.trace_id,
            span_id=span_id_of(handling.span_id, str(number)),
            parent_id=handling.span_id,
            began_at=began_at,
            ended_at=at,
            attributes={ATTEMPT: number, SERVICE: service.value, OPERATION: operation.value},
            error=_error(body),
            service=f"{LANE}-{service}",
        )


def _handling(service: Service, operation: Operation | None, event: Event, cause: _Stored, at: float) -> Span:
    handling, told_by = handling_of(service, cause.event), trace_of(cause.event)
    told: dict[str, Attribute] = {MESSAGE_ID: cause.event.id}
    return Span(
        name=f"{service} on {cause.event.type}",
        kind=Kind.CONSUMER,
        trace_id=handling.trace_id,
        span_id=handling.span_id,
        parent_id=told_by.span_id,
        links=(_link(told_by),),
        began_at=cause.at,
        ended_at=at,
        attributes=told,
        error=_error(event.body),
        service=f"{LANE}-{service}",
    )


def _told_by_others(event: Event, cause: _Stored, source: str, at: float) -> Span:
    """A manager's decision, or a deadline that has passed."""
    own, told_by = trace_of(event), trace_of(cause.event)
    return Span(
        name=f"{source} tells {event.type}",
        kind=Kind.PRODUCER,
        trace_id=own.trace_id,
        span_id=own.span_id,
        parent_id=told_by.span_id,
        links=(_link(told_by),),
        began_at=cause.at,
        ended_at=at,
        attributes={MESSAGE_ID: event.id},
        service=f"{LANE}-{source}",
    )


def _link(context: TraceContext) -> Link:
    return Link(trace_id=context.trace_id, span_id=context.span_id)


def _operation(service: Service, event: Event, on: EventType) -> Operation | None:
    """What the service did, by the row of the table that told this event."""
    if isinstance(event.body, AttemptFailed):
        return event.body.operation
    rows: Sequence[Operation | None] = [
        row.operation
        for row in TABLE
        if row.service is service and row.on is on and event.type in (row.done, row.failed)
    ]
    return rows[0] if rows else None


def _error(body: AnyBody) -> str | None:
    match body:
        case AttemptFailed() | Failed():
            return ": ".join(filter(None, (body.error, body.cause)))[:MAX_ERROR]
        case _:
            return None
