"""What a lane itself can tell about one order: the shape in which both front doors answer.

A trail is made from the lane's own stores only; it never reads a ledger (the auditor compares the two).
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class OrderStatus(StrEnum):
    """``in_progress`` covers every order without an outcome, also one waiting for a person or parked."""

    IN_PROGRESS = "in_progress"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    UNDOING = "undoing"
    PARKED = "parked"
    FULFILLED = "fulfilled"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"  # ended without its undo steps (practice dead_letters off)


ENDED = frozenset({OrderStatus.FULFILLED, OrderStatus.ROLLED_BACK, OrderStatus.FAILED})


class TrailEntry(BaseModel):
    """One thing that happened, as the lane recorded it.

    ``at`` is a UTC instant in RFC 3339 with at least milliseconds; ``store`` names the store that told it (a stream
    or a consumer's dead letters), so that a reader can count how many had to be asked.
    """

    model_config = ConfigDict(frozen=True)

    at: str
    what: str  # an event or history event type: PaymentCharged, TaskFailed …
    store: str
    step: str | None = None  # the state or reaction it belongs to
    service: str | None = None
    operation: str | None = None
    attempt: int | None = None
    input: Any = None
    output: Any = None
    error: str | None = None
    cause: str | None = None  # the error's cause, or the id of the message that caused this one
    id: str | None = None


class OrderView(BaseModel):
    """``GET /orders/{id}``."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    lane: str
    status: OrderStatus
    reason: str | None = None  # why it was rolled back or is parked
    accepted_at: str
    finished_at: str | None = None


class OrderTrail(BaseModel):
    """``GET /orders/{id}/trail``; ``stores`` lists each store asked, ``queries`` counts the requests made to them."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    lane: str
    status: OrderStatus
    stores: tuple[str, ...]
    queries: int
    entries: tuple[TrailEntry, ...]


class PendingApproval(BaseModel):
    """``GET /approvals``: an order that waits for a manager."""

    model_config = ConfigDict(frozen=True)

    order_id: str
    token: str
    total_cents: int
    since: str
