"""Orders and events to test with."""

from choreography.events import BODIES, AnyBody, AttemptFailed, EventType, Failed, OrderExpired
from services.operations import Operation
from services.order import Line, Order


def an_order(order_id: str = "o-1", total_cents: int = 1_000, sku: str = "SKU-1") -> Order:
    return Order(
        order_id=order_id,
        customer_id="c-1",
        lines=(Line(sku=sku, quantity=1, unit_price_cents=total_cents),),
        total_cents=total_cents,
        currency="EUR",
        ship_to="1 Long Street",
    )


def body_of(type_: EventType, order: Order, *, gave_up: bool = False) -> AnyBody:
    model = BODIES[type_]
    if model is AttemptFailed:
        return AttemptFailed(
            order_id=order.order_id,
            operation=Operation.CHARGE,
            attempt=1,
            error="Unavailable",
            cause="x",
            wait_s=1.0,
        )
    if model is OrderExpired:
        return OrderExpired(order=order, quiet_s=1.0, last_event="OrderPlaced")
    if issubclass(model, Failed):
        return model(order=order, error="CardDeclined", cause="no money", gave_up=gave_up)
    return model(order=order)  # type: ignore[call-arg]  # every other body needs the order only
