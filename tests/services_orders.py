"""Orders and commands for the tests of the services."""

from typing import Any

from services.commands import Command, Inbox
from services.ledger.batch import Request
from services.operations import Operation
from services.order import Order


def order(order_id: str = "o-1", *, sku: str = "MUG-1", quantity: int = 1, price_cents: int = 500) -> Order:
    line = {"sku": sku, "quantity": quantity, "unit_price_cents": price_cents}
    return Order.model_validate(
        {
            "order_id": order_id,
            "customer_id": "c-1",
            "lines": [line],
            "total_cents": quantity * price_cents,
            "currency": "EUR",
            "ship_to": "1 Long Road",
        }
    )


def body(order_id: str = "o-1", /, **changes: Any) -> dict[str, Any]:
    return {**order(order_id).model_dump(mode="json"), **changes}


def request(
    operation: Operation,
    order_id: str = "o-1",
    key: str = "k-1",
    *,
    sku: str = "MUG-1",
    quantity: int = 1,
    message_id: str | None = None,
    body_hash: str | None = None,
) -> Request:
    """A queued command; its body hash tells orders and operations apart, as the service's does."""
    what = order(order_id, sku=sku, quantity=quantity)
    inbox = Inbox("tests", message_id) if message_id is not None else None
    return Request(Command(operation, what, key, inbox), body_hash or f"{operation}/{what.fingerprint()}")
