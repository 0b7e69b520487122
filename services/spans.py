"""The spans of what both wirings share: an order placed at a front door, and a command carried out by a service.

The words for an order's facts in a span are here, for whoever makes or reads one. Nothing is made unless this process
records (``telemetry.recording``).
"""

import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from services.commands import Command, Result
from services.errors import TechnicalError
from services.front_door import Placed
from services.order import Order
from telemetry.context import TraceContext, current, parse_traceparent
from telemetry.ids import trace_id_of
from telemetry.recording import record, samples
from telemetry.span import Attribute, Kind, Span

if TYPE_CHECKING:
    from services.service import Performed

ORDER_ID: Final = "lab.order_id"
OPERATION: Final = "lab.operation"
SERVICE: Final = "lab.service"
ATTEMPT: Final = "lab.attempt"
RESULT: Final = "lab.result"
TOTAL_CENTS: Final = "lab.total_cents"
LINES: Final = "lab.lines"
# Of a process, in the resource that goes with its spans.
LANE: Final = "lab.lane"
COMPONENT: Final = "service.name"

_SPAN_BYTES: Final = 8


def new_span_id() -> str:
    """For a request, which may be made again: each is a span of its own."""
    return os.urandom(_SPAN_BYTES).hex()


def facts_of(order: Order) -> dict[str, Attribute]:
    """What a step got as its input, in as many bytes as needed to know it again."""
    return {ORDER_ID: order.order_id, TOTAL_CENTS: order.total_cents, LINES: lines_text(order)}


def lines_text(order: Order) -> str:
    return " ".join(f"{line.quantity}x{line.sku}" for line in order.lines)


async def placed(place: Callable[[Order], Awaitable[Placed]], order: Order, lane: str, traceparent: str) -> Placed:
    """``place(order)`` in the trace of the client that asks, or in the order's own."""
    caller = parse_traceparent(traceparent)
    trace_id = trace_id_of(lane, order.order_id) if caller is None else caller.trace_id
    own = TraceContext(trace_id, new_span_id(), samples(trace_id))
    current.set(own)
    began_at = time.time()
    told, error = "", None
    try:
        answer = await place(order)
        told = answer.value
    except Exception as failure:
        error = str(failure)
        raise
    finally:
        record(
            Span(
                name="POST /orders",
                kind=Kind.SERVER,
                trace_id=trace_id,
                span_id=own.span_id,
                parent_id=None if caller is None else caller.parent_id,
                began_at=began_at,
                ended_at=time.time(),
                attributes={**facts_of(order), RESULT: told},
                error=error,
            )
        )
    return answer


async def performed(
    perform: Callable[[Command], Awaitable["Performed"]], command: Command, service: str
) -> "Performed":
    """``perform(command)`` as a span of this attempt, caused by whatever is ``current``."""
    began_at = time.time()
    try:
        done = await perform(command)
    except Exception as failure:
        attempt = failure.attempt if isinstance(failure, TechnicalError) else 0
        _record(command, service, began_at, attempt, "", f"{type(failure).__name__}: {failure}")
        raise
    answer, error = done.answer, None
    if done.withheld is not None:
        error = f"NoAnswer: {done.withheld}"
    elif answer is not None and answer.result is Result.REFUSED:
        error = f"{answer.refusal}: {answer.detail.get('cause', '')}"
    _record(command, service, began_at, done.attempt, "" if answer is None else answer.result.value, error)
    return done


def _record(command: Command, service: str, began_at: float, attempt: int, result: str, error: str | None) -> None:
    cause = current.get()
    trace_id = trace_id_of(service, command.key) if cause is None else cause.trace_id
    told: dict[str, Attribute] = {SERVICE: service, OPERATION: command.operation.value, **facts_of(command.order)}
    told |= ({ATTEMPT: attempt} if attempt else {}) | ({RESULT: result} if result else {})
    record(
        Span(
            name=f"{service} {command.operation}",
            kind=Kind.SERVER if command.inbox is None else Kind.INTERNAL,
            trace_id=trace_id,
            span_id=new_span_id(),
            parent_id=None if cause is None else cause.parent_id,
            began_at=began_at,
            ended_at=time.time(),
            attributes=told,
            error=error,
        )
    )


def enter(traceparent: str) -> None:
    """What this task does from here on was caused by the span that its caller names."""
    current.set(parse_traceparent(traceparent))
