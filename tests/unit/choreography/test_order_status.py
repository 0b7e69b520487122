"""Where an order stands is a fold over its events, whatever order they are heard in."""

import itertools

import pytest

from choreography.cloud_events import compose
from choreography.events import ApprovalRejected, EventType, OrderExpired, PaymentDeclined
from choreography.status import status_of, story_of, told
from choreography.tracker import Tracker
from services.trail import OrderStatus
from tests.unit.choreography.samples import an_order, body_of

E, S = EventType, OrderStatus
FULFILLED = (E.ORDER_PLACED, E.PAYMENT_CHARGED, E.INVENTORY_RESERVED, E.LABEL_PRINTED)


def tell(type_: EventType, sequence: int, *, gave_up: bool = False, order_id: str = "o-1"):  # type: ignore[no-untyped-def]
    message = compose(type_, body_of(type_, an_order(order_id), gave_up=gave_up), source="test", at="")
    return told(message.subject, message.body, sequence, float(sequence))


@pytest.mark.parametrize(
    ("types", "status"),
    [
        ((), S.IN_PROGRESS),
        (FULFILLED[:3], S.IN_PROGRESS),
        (FULFILLED, S.FULFILLED),
        ((*FULFILLED[:3], E.APPROVAL_REQUESTED), S.WAITING_FOR_APPROVAL),
        ((*FULFILLED[:3], E.APPROVAL_REQUESTED, E.APPROVAL_GRANTED), S.IN_PROGRESS),
        ((*FULFILLED[:3], E.APPROVAL_REQUESTED, E.APPROVAL_REJECTED), S.UNDOING),
        ((E.ORDER_PLACED, E.PAYMENT_DECLINED), S.ROLLED_BACK),
        ((E.ORDER_PLACED, E.PAYMENT_CHARGED, E.INVENTORY_REJECTED), S.UNDOING),
        ((*FULFILLED[:3], E.SHIPPING_FAILED, E.LABEL_VOIDED, E.INVENTORY_RELEASED), S.UNDOING),
        ((*FULFILLED[:3], E.SHIPPING_FAILED, E.LABEL_VOIDED, E.INVENTORY_RELEASED, E.PAYMENT_REFUNDED), S.ROLLED_BACK),
        ((*FULFILLED, E.ORDER_EXPIRED), S.UNDOING),
    ],
)
def test_status(types: tuple[EventType, ...], status: OrderStatus) -> None:
    assert status_of(frozenset(types)) is status


def test_a_technical_decline_is_the_start_of_undoing_and_a_parked_undo_waits() -> None:
    types = frozenset({E.ORDER_PLACED, E.PAYMENT_DECLINED})
    assert status_of(types, gave_up=True) is S.UNDOING
    assert status_of(types, gave_up=True, parked=True) is S.PARKED
    assert status_of(types | {E.PAYMENT_REFUNDED}, gave_up=True, parked=True) is S.ROLLED_BACK


def test_the_order_of_hearing_does_not_matter() -> None:
    events = [tell(type_, n) for n, type_ in enumerate((*FULFILLED[:3], E.SHIPPING_FAILED, E.LABEL_VOIDED), 1)]
    assert {story_of(each).status() for each in itertools.permutations(events)} == {S.UNDOING}


def test_a_story_tells_why_and_when() -> None:
    story = story_of([tell(E.ORDER_PLACED, 1), tell(E.PAYMENT_DECLINED, 2)])
    assert (story.accepted_at, story.finished_at, story.reason) == (1.0, 2.0, "CardDeclined: no money")
    assert story.last_sequence == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ApprovalRejected(order=an_order(), comment="too dear"), "approval rejected too dear"),
        (OrderExpired(order=an_order(), quiet_s=3, last_event="OrderPlaced"), "no news after OrderPlaced"),
        (PaymentDeclined(order=an_order(), error="Unavailable", gave_up=True), "Unavailable"),
    ],
)
def test_reasons(body, reason: str) -> None:  # type: ignore[no-untyped-def]
    message = compose(EventType(type(body).__name__), body, source="test", at="")
    assert told(message.subject, message.body, 1, 0.0).reason == reason


def test_a_tracker_lists_outcomes_in_order_of_ending_and_pages_them() -> None:
    tracker = Tracker("test", counting=False)
    for n, order_id in enumerate(("a", "b", "c")):
        for m, type_ in enumerate(FULFILLED):
            tracker.hear(tell(type_, n * 10 + m, order_id=order_id))
    assert [(each.cursor, each.order_id) for each in tracker.outcomes(0, 10)] == [(3, "a"), (13, "b"), (23, "c")]
    assert [each.order_id for each in tracker.outcomes(3, 1)] == ["b"]
    assert [each.order_id for each in tracker.orders(None, 2)] == ["c", "b"]
    assert tracker.orders(S.ROLLED_BACK, 2) == []


def test_a_tracker_knows_who_waits_for_a_manager() -> None:
    tracker = Tracker("test", counting=False)
    for n, type_ in enumerate((*FULFILLED[:3], E.APPROVAL_REQUESTED)):
        tracker.hear(tell(type_, n))
    assert tracker.waiting() == [("o-1", 1_000, 3.0)]
    tracker.hear(tell(E.APPROVAL_GRANTED, 9))
    assert tracker.waiting() == []


def test_a_replay_is_no_progress() -> None:
    """It may only make someone do again what he failed on; what comes of it is told by an event of its own."""
    story = story_of(tell(type_, n) for n, type_ in enumerate(FULFILLED[:3], 1))
    story.hear(told("orders.o-1.LabelPrinted.replay.shipping", b"{}", 9, 9.0))
    assert story.status() is S.IN_PROGRESS
    assert story.last_sequence == 9
