"""From an event heard to a command, and from its answer to the event told. Plain functions."""

from choreography.cloud_events import Event, compose
from choreography.events import BODIES, ApprovalRequested, Body, Done, EventType, Failed
from choreography.reactions import Reaction
from services.commands import Answer, Command, Inbox, Outgoing, Result
from services.operations import Operation, Service
from services.order import Order


def command_for(
    service: Service, operation: Operation, row: Reaction, event: Event, order: Order, *, at: str, suffix: str = ""
) -> tuple[Command, list[Outgoing]]:
    """The command of a row, and the list that holds what it tells, once it was decided.

    ``suffix``: practice idempotency is off, every act is another one and so is its event.
    """
    told: list[Outgoing] = []

    def outgoing(answer: Answer) -> tuple[Outgoing, ...]:
        told.clear()  # a transaction may be tried again
        news = told_by(row, order, answer)
        if news is not None:
            told.append(compose(*news, source=service, at=at, cause=event, suffix=suffix))
        return tuple(told)

    key = f"{order.order_id}:{operation}:{suffix}" if suffix else f"{order.order_id}:{operation}"
    return Command(operation, order, key, Inbox(service, event.id), outgoing), told


def told_by(row: Reaction, order: Order, answer: Answer) -> tuple[EventType, Body] | None:
    """The event for an answer; None where a service refuses an undo, which no event tells (it waits for a person)."""
    if answer.result is not Result.REFUSED:
        return row.done, _done(row.done, order, answer)
    if row.failed is None:
        return None
    error = str(answer.refusal) if answer.refusal is not None else "Refused"
    return row.failed, _failed(row.failed, order, error, str(answer.detail.get("cause", "")), gave_up=False)


def told_when_given_up(row: Reaction, order: Order, error: Exception) -> tuple[EventType, Body] | None:
    """The event for an action whose retries are used up; None for an undo."""
    if row.failed is None:
        return None
    return row.failed, _failed(row.failed, order, type(error).__name__, str(error), gave_up=True)


def asked(order: Order) -> tuple[EventType, Body]:
    return EventType.APPROVAL_REQUESTED, ApprovalRequested(order=order)


def _done(type_: EventType, order: Order, answer: Answer) -> Body:
    model = BODIES[type_]
    assert issubclass(model, Done), f"the table says that {type_} tells of something done"
    undone = "nothing_to_undo" if answer.result is Result.NOTHING_TO_UNDO else "done"
    return model(order=order, result=undone, detail=answer.detail)


def _failed(type_: EventType, order: Order, error: str, cause: str, *, gave_up: bool) -> Body:
    model = BODIES[type_]
    assert issubclass(model, Failed), f"the table says that {type_} tells of a failure"
    return model(order=order, error=error, cause=cause, gave_up=gave_up)
