"""Every event that can happen to an order, with its body: the vocabulary of the bus.

Bodies are versioned; each carries the whole order, so that a listener needs no one else to act. This module knows
neither headers nor subjects (``cloud_events``) nor who listens (``reactions``).
"""

from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.operations import Operation
from services.order import Order

VERSION: Final = 1


class EventType(StrEnum):
    ORDER_PLACED = "OrderPlaced"
    PAYMENT_CHARGED = "PaymentCharged"
    PAYMENT_DECLINED = "PaymentDeclined"
    INVENTORY_RESERVED = "InventoryReserved"
    INVENTORY_REJECTED = "InventoryRejected"
    APPROVAL_REQUESTED = "ApprovalRequested"
    APPROVAL_GRANTED = "ApprovalGranted"
    APPROVAL_REJECTED = "ApprovalRejected"
    LABEL_PRINTED = "LabelPrinted"
    SHIPPING_FAILED = "ShippingFailed"
    ORDER_EXPIRED = "OrderExpired"
    LABEL_VOIDED = "LabelVoided"
    INVENTORY_RELEASED = "InventoryReleased"
    PAYMENT_REFUNDED = "PaymentRefunded"
    ATTEMPT_FAILED = "AttemptFailed"  # told for the trail only; nobody reacts to it


class Body(BaseModel):
    """What every event says: about which order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = VERSION
    order: Order


class OrderPlaced(Body):
    """A customer's order is durable."""


class Done(Body):
    """A service did its part; ``result`` is ``nothing_to_undo`` where an undo found no action to undo."""

    result: Literal["done", "nothing_to_undo"] = "done"
    detail: dict[str, Any] = Field(default_factory=dict)


class PaymentCharged(Done):
    """The customer has paid."""


class InventoryReserved(Done):
    """Every line is reserved."""


class LabelPrinted(Done):
    """The order is fulfilled."""


class LabelVoided(Done):
    """No label is live, and none will be."""


class InventoryReleased(Done):
    """Nothing is reserved, and nothing will be."""


class PaymentRefunded(Done):
    """Nothing is charged, and nothing will be: the order is undone."""


class Failed(Body):
    """A service could not do its part.

    ``gave_up``: a technical failure, its retries used up; what was done is not certain, so everything is undone.
    Otherwise a business refusal, and ``error`` is its name.
    """

    error: str
    cause: str = ""
    gave_up: bool = False


class PaymentDeclined(Failed):
    """The customer could not be charged."""


class InventoryRejected(Failed):
    """The lines could not be reserved; none is."""


class ShippingFailed(Failed):
    """No label could be printed."""


class ApprovalRequested(Body):
    """The order is large: a manager must decide before the label is printed."""


class ApprovalGranted(Body):
    """A manager said yes."""

    comment: str = ""


class ApprovalRejected(Body):
    """A manager said no."""

    comment: str = ""


class OrderExpired(Body):
    """The deadline watch found the order quiet for too long."""

    quiet_s: float
    last_event: str


class AttemptFailed(BaseModel):
    """One try of an operation failed and will be made again after ``wait_s`` seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = VERSION
    order_id: str
    operation: Operation
    attempt: int
    error: str
    cause: str
    wait_s: float


AnyBody = Body | AttemptFailed

BODIES: Final[dict[EventType, type[Body] | type[AttemptFailed]]] = {
    EventType.ORDER_PLACED: OrderPlaced,
    EventType.PAYMENT_CHARGED: PaymentCharged,
    EventType.PAYMENT_DECLINED: PaymentDeclined,
    EventType.INVENTORY_RESERVED: InventoryReserved,
    EventType.INVENTORY_REJECTED: InventoryRejected,
    EventType.APPROVAL_REQUESTED: ApprovalRequested,
    EventType.APPROVAL_GRANTED: ApprovalGranted,
    EventType.APPROVAL_REJECTED: ApprovalRejected,
    EventType.LABEL_PRINTED: LabelPrinted,
    EventType.SHIPPING_FAILED: ShippingFailed,
    EventType.ORDER_EXPIRED: OrderExpired,
    EventType.LABEL_VOIDED: LabelVoided,
    EventType.INVENTORY_RELEASED: InventoryReleased,
    EventType.PAYMENT_REFUNDED: PaymentRefunded,
    EventType.ATTEMPT_FAILED: AttemptFailed,
}


def order_id_of(body: AnyBody) -> str:
    return body.order_id if isinstance(body, AttemptFailed) else body.order.order_id
