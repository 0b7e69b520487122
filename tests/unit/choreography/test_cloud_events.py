"""An event survives its way over the wire, and what is no event is said to be none, with the reason."""

import re

import pytest

from choreography.cloud_events import compose, event_id, heading_of, parse
from choreography.errors import Malformed
from choreography.events import EventType
from telemetry.context import TraceContext
from tests.unit.choreography.samples import an_order, body_of


@pytest.mark.parametrize("type_", EventType)
def test_there_and_back(type_: EventType) -> None:
    body = body_of(type_, an_order())
    made = compose(type_, body, source="test", at="2026-01-01T00:00:00Z")
    event = parse(made.subject, made.headers, made.body)
    assert (event.id, event.type, event.order_id, event.body) == (made.id, type_, "o-1", body)
    assert event.causation_id is None


def test_an_effect_continues_the_trace_of_its_cause() -> None:
    client = TraceContext("1" * 32, "2" * 16)
    placed = body_of(EventType.ORDER_PLACED, an_order())
    first = compose(EventType.ORDER_PLACED, placed, source="door", at="", trace=client)
    cause = parse(first.subject, first.headers, first.body)
    second = compose(
        EventType.PAYMENT_CHARGED, body_of(EventType.PAYMENT_CHARGED, an_order()), source="payment", at="", cause=cause
    )
    traces = [m.headers["ce-traceparent"] for m in (first, second)]
    assert all(re.fullmatch(rf"00-{client.trace_id}-[0-9a-f]{{16}}-01", trace) for trace in traces)
    assert traces[0].split("-")[1] == traces[1].split("-")[1]
    assert traces[0].split("-")[2] != traces[1].split("-")[2]
    assert second.headers["ce-causationid"] == first.id
    assert second.headers["ce-correlationid"] == "o-1"


def test_the_same_event_is_the_same_message_and_a_suffix_makes_another() -> None:
    body = body_of(EventType.ORDER_PLACED, an_order())
    once, twice = (compose(EventType.ORDER_PLACED, body, source="door", at="now") for _ in range(2))
    assert once == twice
    assert event_id("o-1", EventType.ORDER_PLACED, "x") != once.id


def test_a_replay_is_for_one_service() -> None:
    assert heading_of("orders.o-1.OrderPlaced.replay.payment").replay_for == "payment"


BODY = body_of(EventType.ORDER_PLACED, an_order())
GOOD = compose(EventType.ORDER_PLACED, BODY, source="door", at="")


@pytest.mark.parametrize(
    ("subject", "headers", "data", "says"),
    [
        ("orders.o-1", {}, b"", "is not orders"),
        ("orders.o-1.OrderPlaced.again.payment", {}, b"", "is not orders"),
        ("orders.o-1.OrderEaten", {}, b"", "no event type 'OrderEaten'"),
        (GOOD.subject, {}, GOOD.body, "ce-id, ce-source, ce-type, ce-specversion"),
        (GOOD.subject, {**GOOD.headers, "ce-id": "i" * 201}, GOOD.body, "longer than 200"),
        (GOOD.subject, {**GOOD.headers, "ce-id": "i\0"}, GOOD.body, "not printable"),
        (GOOD.subject, {**GOOD.headers, "ce-specversion": "0.3"}, GOOD.body, "0.3"),
        (GOOD.subject, {**GOOD.headers, "ce-type": "lab.saga.OrderPlaced.v2"}, GOOD.body, "v2"),
        (GOOD.subject, GOOD.headers, b"{", "Invalid JSON"),
        (GOOD.subject, GOOD.headers, b"\xff", "OrderPlaced"),
        (GOOD.subject, GOOD.headers, b"{}", "order: Field required"),
        (GOOD.subject, GOOD.headers, GOOD.body.replace(b'"total_cents":1000', b'"total_cents":-5'), "total_cents"),
        (GOOD.subject, GOOD.headers, GOOD.body.replace(b"1 Long Street", b""), "ship_to"),
        ("orders.o-2.OrderPlaced", GOOD.headers, GOOD.body, "about order 'o-1'"),
    ],
)
def test_what_is_no_event(subject: str, headers: dict[str, str], data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=re.escape(says)):
        parse(subject, headers, data)
