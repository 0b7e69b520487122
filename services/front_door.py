"""What every lane's front door offers, as a port; ``services.front_door_http`` is its one HTTP shell."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from services.order import Order
from services.trail import OrderStatus, OrderTrail, OrderView, PendingApproval


class Placed(StrEnum):
    ACCEPTED = "accepted"  # durable now
    REPEATED = "repeated"  # was durable already, with the same body
    CONFLICT = "conflict"  # the id belongs to an order with another body


class Decided(StrEnum):
    ACCEPTED = "accepted"
    REPEATED = "repeated"  # the same decision was made before
    CONFLICT = "conflict"  # the other decision was made before
    TOO_LATE = "too_late"  # nobody waits for it any more
    UNKNOWN = "unknown"  # forged, or of no order of this lane


class NotDurable(Exception):
    """The lane cannot make it durable now: answer 503 with Retry-After; the same request may be sent again."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Outcome:
    """An ended order with durable timestamps (RFC 3339, UTC). ``cursor`` grows with the order of ending."""

    cursor: int
    order_id: str
    status: OrderStatus
    accepted_at: str
    finished_at: str


class Lane(Protocol):
    """One wiring, as its front door sees it. Every method may raise ``NotDurable`` when the broker is out of reach."""

    name: str

    async def place(self, order: Order) -> Placed: ...

    async def view(self, order_id: str) -> OrderView | None: ...

    async def trail(self, order_id: str) -> OrderTrail | None: ...

    async def decide(self, token: str, *, approve: bool, comment: str) -> Decided: ...

    async def pending_approvals(self) -> list[PendingApproval]: ...

    async def list_orders(self, status: OrderStatus | None, limit: int) -> list[OrderView]:
        """Newest first, from the read model."""
        ...

    async def outcomes(self, after: int, limit: int) -> list[Outcome]:
        """Ended orders with ``cursor > after``, in order of ending, from the read model."""
        ...

    async def ready(self) -> str | None:
        """None when orders can be made durable; else the reason why not."""
        ...
