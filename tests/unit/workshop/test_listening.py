"""What a new subscriber makes of what it hears."""

from choreography.cloud_events import compose
from choreography.events import EventType, LabelPrinted
from lab.workshop.listening import line
from tests.services_orders import order


def test_a_shipped_order_gets_a_card_and_what_is_no_event_is_passed_over() -> None:
    made = compose(EventType.LABEL_PRINTED, LabelPrinted(order=order("o-7")), source="test", at="2026-01-01T00:00:00Z")
    assert line(made.subject, made.headers, made.body) == "o-7 was shipped: a card for c-1"
    assert line("orders.o-7.LabelPrinted", {}, b"{}").startswith("passed over orders.o-7.LabelPrinted: ")
