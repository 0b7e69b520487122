"""An order's events told as spans: every attempt and every handling once, whoever follows them and from when on."""

from collections.abc import Sequence

from choreography.cloud_events import Event, compose, handling_of, parse
from choreography.events import AttemptFailed, EventType
from choreography.spans import Followed
from services.operations import Operation, Service
from services.spans import ATTEMPT, OPERATION
from telemetry.context import TraceContext
from telemetry.span import Span
from tests.unit.choreography.samples import an_order, body_of

CLIENT = TraceContext("1" * 32, "2" * 16)


def told(type_: EventType, source: str, cause: Event | None) -> Event:
    message = compose(type_, body_of(type_, an_order()), source=source, at="", cause=cause, trace=CLIENT)
    return parse(message.subject, message.headers, message.body)


def failed_try(cause: Event, attempt: int) -> Event:
    body = AttemptFailed(
        order_id="o-1", operation=Operation.CHARGE, attempt=attempt, error="Unavailable", cause="broken", wait_s=0.1
    )
    suffix = f"charge-{attempt}"
    message = compose(EventType.ATTEMPT_FAILED, body, source=Service.PAYMENT, at="", cause=cause, suffix=suffix)
    return parse(message.subject, message.headers, message.body)


def a_story() -> list[Event]:
    placed = told(EventType.ORDER_PLACED, "door", None)
    charged = told(EventType.PAYMENT_CHARGED, Service.PAYMENT, placed)
    reserved = told(EventType.INVENTORY_RESERVED, Service.WAREHOUSE, charged)
    asked = told(EventType.APPROVAL_REQUESTED, Service.SHIPPING, reserved)
    rejected = told(EventType.APPROVAL_REJECTED, "door", asked)
    voided = told(EventType.LABEL_VOIDED, Service.SHIPPING, rejected)
    return [placed, failed_try(placed, 1), failed_try(placed, 2), charged, reserved, asked, rejected, voided]


def spans_of(story: Sequence[Event]) -> list[Span]:
    followed = Followed()
    return [span for at, event in enumerate(story, 1) for span in followed.tell(event, at, 100.0 + at)]


def test_it_is_one_trace_that_hangs_together_under_the_clients_span() -> None:
    spans = spans_of(a_story())
    assert {span.trace_id for span in spans} == {CLIENT.trace_id}
    known = {span.span_id for span in spans} | {CLIENT.span_id}
    assert len({span.span_id for span in spans}) == len(spans)
    assert all(span.parent_id in known for span in spans)
    assert [span.parent_id for span in spans].count(CLIENT.span_id) == 1


def test_each_attempt_is_a_span_under_its_handling() -> None:
    story = a_story()
    tries = [span for span in spans_of(story) if span.attributes.get(OPERATION) == Operation.CHARGE]
    assert [(span.attributes[ATTEMPT], span.error) for span in tries] == [
        (1, "Unavailable: broken"),
        (2, "Unavailable: broken"),
        (3, None),
    ]
    assert [(span.began_at, span.ended_at) for span in tries] == [(101.0, 102.0), (102.0, 103.0), (103.0, 104.0)]
    assert {span.parent_id for span in tries} == {handling_of(Service.PAYMENT, story[0]).span_id}


def test_a_handling_is_linked_to_the_one_that_told_its_event_and_lasts_until_it_tells() -> None:
    story = a_story()
    handling = next(span for span in spans_of(story) if span.name == "warehouse on PaymentCharged")
    told_by = handling_of(Service.PAYMENT, story[0])
    assert (handling.parent_id, handling.links[0].span_id) == (told_by.span_id, told_by.span_id)
    assert (handling.began_at, handling.ended_at) == (104.0, 105.0)
    assert handling.service == "choreography-warehouse"


def test_an_event_told_or_delivered_twice_is_one_span() -> None:
    story = a_story()
    followed = Followed()
    for at, event in enumerate(story, 1):
        followed.tell(event, at, 100.0 + at)
    assert followed.tell(story[3], 4, 104.0) == []
    assert followed.tell(story[3], 20, 120.0) == []


def test_who_begins_in_the_middle_tells_the_rest_alike() -> None:
    story, whole = a_story(), spans_of(a_story())
    for cut in range(1, len(story)):
        followed = Followed()
        before = [span for at, event in enumerate(story[:cut], 1) for span in followed.tell(event, at, 100.0 + at)]
        other = Followed()
        for at, event in enumerate(story[:cut], 1):
            other.tell(event, at, 100.0 + at)
        rest = [span for at, event in enumerate(story[cut:], cut + 1) for span in other.tell(event, at, 100.0 + at)]
        assert before + rest == whole
