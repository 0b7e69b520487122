"""What a wiring asks a service to do, and what it gets back. The port between the services and every wiring."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from services.operations import Operation
from services.order import Order


class Result(StrEnum):
    DONE = "done"
    REFUSED = "refused"  # a business refusal: an outcome, never retried
    NOTHING_TO_UNDO = "nothing_to_undo"  # an undo without its action; a tombstone now refuses the late action


# How a caller is left without its answer: it waits in vain, or the connection is cut.
Withheld = Literal["hang", "reset"]


class Refusal(StrEnum):
    """Why a service said no. The names are those that a state machine catches."""

    CARD_DECLINED = "CardDeclined"
    OUT_OF_STOCK = "OutOfStock"
    ORDER_UNDONE = "OrderUndone"  # the action came after its undo
    UNKNOWN_PRODUCT = "UnknownProduct"


@dataclass(frozen=True)
class Answer:
    """The outcome of a command, as recorded under its idempotency key. ``detail`` is JSON (charge_id, label_id …)."""

    operation: Operation
    result: Result
    refusal: Refusal | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    replayed: bool = False  # the first answer again; not stored


@dataclass(frozen=True)
class Outgoing:
    """A message for the broker, opaque to the service; ``id`` is deterministic and deduplicates."""

    id: str
    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Inbox:
    """The message that a command came from: (consumer, message id) is acted upon once."""

    consumer: str
    message_id: str


@dataclass(frozen=True)
class Command:
    """One operation for one order.

    ``inbox`` and ``outgoing`` are for lanes whose commands come from a bus: the inbox row, the effect, the idempotency
    record and the outgoing messages are written in one transaction. ``outgoing`` is called with the answer inside it
    and must be a plain function.
    """

    operation: Operation
    order: Order
    key: str
    inbox: Inbox | None = None
    outgoing: Callable[[Answer], tuple[Outgoing, ...]] | None = None


class ServicePort(Protocol):
    """A running service as a wiring in the same process sees it."""

    async def execute(self, command: Command) -> Answer:
        """Raises ``services.errors.Unavailable`` or ``NoAnswer`` (technical: retry) or ``KeyReused`` (give up)."""
        ...
