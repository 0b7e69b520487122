"""The reaction table: event type -> (condition) -> command -> event types. The table *is* the wiring.

Undoing is made of rows like any other: each service hears that an order failed and undoes its own part, in the reverse
order of doing. Plain data and plain functions; who runs a row (``listener``) and how its events look on the wire
(``cloud_events``) is not known here.

A business refusal says for certain that nothing was done, so undoing starts at the step before it. After a technical
failure that is not certain, so undoing starts at the last step of all: every service leaves a tombstone at least, and
no late success of the failed step can get past it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from choreography.events import AnyBody, Body, EventType, Failed
from services.operations import Operation, Service, is_undo


class When(StrEnum):
    """The condition of a row, on the event's body."""

    ALWAYS = ""
    SMALL = "total under the approval threshold"
    LARGE = "total at least the approval threshold"
    REFUSED = "a business refusal"
    GAVE_UP = "retries used up"


@dataclass(frozen=True)
class Reaction:
    """One row: hearing ``on``, ``service`` does ``operation`` and tells ``done``, or ``failed`` where that can fail.

    ``operation`` None: there is nothing to do but to tell. ``failed`` None: an undo, which is tried until it succeeds.
    """

    on: EventType
    service: Service
    operation: Operation | None
    done: EventType
    failed: EventType | None = None
    when: When = When.ALWAYS


E, S, O = EventType, Service, Operation  # noqa: E741 - the table reads better with short names

TABLE: Final[tuple[Reaction, ...]] = (
    # doing
    Reaction(E.ORDER_PLACED, S.PAYMENT, O.CHARGE, E.PAYMENT_CHARGED, E.PAYMENT_DECLINED),
    Reaction(E.PAYMENT_CHARGED, S.WAREHOUSE, O.RESERVE, E.INVENTORY_RESERVED, E.INVENTORY_REJECTED),
    Reaction(E.INVENTORY_RESERVED, S.SHIPPING, O.PRINT_LABEL, E.LABEL_PRINTED, E.SHIPPING_FAILED, When.SMALL),
    Reaction(E.INVENTORY_RESERVED, S.SHIPPING, None, E.APPROVAL_REQUESTED, None, When.LARGE),
    Reaction(E.APPROVAL_GRANTED, S.SHIPPING, O.PRINT_LABEL, E.LABEL_PRINTED, E.SHIPPING_FAILED),
    # undoing, in the reverse order
    Reaction(E.APPROVAL_REJECTED, S.SHIPPING, O.VOID_LABEL, E.LABEL_VOIDED),
    Reaction(E.ORDER_EXPIRED, S.SHIPPING, O.VOID_LABEL, E.LABEL_VOIDED),
    Reaction(E.SHIPPING_FAILED, S.SHIPPING, O.VOID_LABEL, E.LABEL_VOIDED),
    Reaction(E.INVENTORY_REJECTED, S.SHIPPING, O.VOID_LABEL, E.LABEL_VOIDED, None, When.GAVE_UP),
    Reaction(E.PAYMENT_DECLINED, S.SHIPPING, O.VOID_LABEL, E.LABEL_VOIDED, None, When.GAVE_UP),
    Reaction(E.LABEL_VOIDED, S.WAREHOUSE, O.RELEASE, E.INVENTORY_RELEASED),
    Reaction(E.INVENTORY_REJECTED, S.WAREHOUSE, O.RELEASE, E.INVENTORY_RELEASED, None, When.REFUSED),
    Reaction(E.INVENTORY_RELEASED, S.PAYMENT, O.REFUND, E.PAYMENT_REFUNDED),
)

# Told by the front door and by the deadline watch, which react to no event.
TOLD_BY_DOOR: Final = (E.ORDER_PLACED, E.APPROVAL_GRANTED, E.APPROVAL_REJECTED)
TOLD_BY_WATCH: Final = (E.ORDER_EXPIRED,)

# An order of which one of these was told is being undone; so is one whose charge was given up (see ``status``).
STARTS_UNDOING: Final = frozenset(
    {
        E.INVENTORY_REJECTED,
        E.SHIPPING_FAILED,
        E.APPROVAL_REJECTED,
        E.ORDER_EXPIRED,
        E.LABEL_VOIDED,
        E.INVENTORY_RELEASED,
    }
)


def wiring(guards_removed: Iterable[str] = ()) -> tuple[Reaction, ...]:
    """The table without the rows of the compensations that a test took out (``compensation:<operation>``)."""
    removed = {name.removeprefix("compensation:") for name in guards_removed if name.startswith("compensation:")}
    return tuple(row for row in TABLE if row.operation is None or row.operation not in removed)


def reactions_for(
    service: Service, type_: EventType, body: AnyBody, threshold_cents: int, table: tuple[Reaction, ...] = TABLE
) -> tuple[Reaction, ...]:
    """What a service does on hearing an event."""
    return tuple(
        row for row in table if row.on is type_ and row.service is service and _holds(row.when, body, threshold_cents)
    )


def hears(service: Service, table: tuple[Reaction, ...] = TABLE) -> tuple[EventType, ...]:
    """The event types that a service listens to."""
    return tuple(dict.fromkeys(row.on for row in table if row.service is service))


def tells(service: Service, table: tuple[Reaction, ...] = TABLE) -> tuple[EventType, ...]:
    """The event types that a service may publish, and nobody else."""
    told = [type_ for row in table if row.service is service for type_ in (row.done, row.failed) if type_ is not None]
    return tuple(dict.fromkeys(told))


def is_compensation(row: Reaction) -> bool:
    return row.operation is not None and is_undo(row.operation)


def _holds(when: When, body: AnyBody, threshold_cents: int) -> bool:
    match when:
        case When.ALWAYS:
            return True
        case When.SMALL:
            return isinstance(body, Body) and body.order.total_cents < threshold_cents
        case When.LARGE:
            return isinstance(body, Body) and body.order.total_cents >= threshold_cents
        case When.REFUSED:
            return isinstance(body, Failed) and not body.gave_up
        case When.GAVE_UP:
            return isinstance(body, Failed) and body.gave_up
