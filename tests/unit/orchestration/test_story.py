"""What histories say of an order: its status, its reason, its trail, and the list of all orders."""

from typing import Any

import pytest

from broker.read import Record
from orchestration.asl.protocol import HistoryEvent
from orchestration.orders.order_story import operation_of, reason_of, status_of
from orchestration.orders.trail import trail_of
from orchestration.runtime import records
from services.trail import OrderStatus

APPROVAL = "approval:ask.waitForTaskToken"
REPAIR = "person:repair.waitForTaskToken"
CHARGE, REFUND = "http://payment/charges", "http://payment/refunds"


def append(status: str = "RUNNING", **more: Any) -> records.Append:
    fields: dict[str, Any] = {"machine": "m", "began_at": "2026-01-01T00:00:00.000000Z", "events": [], "checkpoint": {}}
    return records.Append(**{**fields, "status": status, **more})


@pytest.mark.parametrize(
    ("last", "status"),
    [
        (None, OrderStatus.IN_PROGRESS),
        (append(asked=(CHARGE,)), OrderStatus.IN_PROGRESS),
        (append(asked=(CHARGE, REFUND)), OrderStatus.UNDOING),
        (append(waiting=(records.Waiting(9, APPROVAL),)), OrderStatus.WAITING_FOR_APPROVAL),
        (append(asked=(REFUND,), waiting=(records.Waiting(9, REPAIR),)), OrderStatus.PARKED),
        (append("SUCCEEDED"), OrderStatus.FULFILLED),
        (append("FAILED", summary={"failed_in": "RolledBack"}), OrderStatus.ROLLED_BACK),
        (append("FAILED", summary={"failed_in": None}), OrderStatus.FAILED),
        (append("ABORTED"), OrderStatus.FAILED),
        (append("TIMED_OUT"), OrderStatus.FAILED),
    ],
)
def test_status(last: records.Append | None, status: OrderStatus) -> None:
    assert status_of(last) is status


def test_reason() -> None:
    assert reason_of(None) is None
    assert reason_of(append(summary={"error": "OutOfStock", "cause": "no"})) == "OutOfStock: no"
    assert reason_of(append(summary={"error": "OutOfStock", "cause": None})) == "OutOfStock"
    assert reason_of(append("SUCCEEDED", summary={"error": None, "cause": None, "failed_in": None})) is None


def test_resources_stand_for_operations() -> None:
    assert operation_of(CHARGE) == ("payment", "charge")
    assert operation_of(REFUND) == ("payment", "refund")
    assert operation_of(APPROVAL) is None


def event(number: int, previous: int, type_: str, **details: Any) -> HistoryEvent:
    return HistoryEvent(number, previous, type_, 1.5, details)


def record(sequence: int, subject: str, body: bytes) -> Record:
    return Record(records.STREAM, subject, sequence, f"2026-01-01T00:00:0{sequence}.000000000Z", {}, body)


START = record(1, "exec.start.o-1", records.Start("m", {"order": {"total_cents": 7}}, "f").encode())


def test_trail_follows_the_links_to_steps_and_attempts() -> None:
    names = {"resourceType": "http", "resource": "payment/charges"}
    events = [
        event(1, 0, "ExecutionStarted", input={}),
        event(2, 0, "TaskStateEntered", name="Charge", input={"x": 1}),
        event(3, 2, "TaskScheduled", parameters={"y": 2}, **names),
        event(4, 3, "TaskFailed", error="Http.Unavailable", cause="503", **names),
        event(5, 4, "TaskScheduled", parameters={"y": 2}, **names),
        event(6, 5, "TaskSucceeded", output={"ok": True}, **names),
        event(7, 6, "TaskStateExited", name="Charge", output={}),
        event(8, 7, "TaskStateEntered", name="Ask", input={}),
        event(
            9,
            8,
            "TaskScheduled",
            parameters={"token": "o-1.8.mac", "order_id": "o-1"},
            resourceType="approval",
            resource="ask.waitForTaskToken",
        ),
    ]
    log = record(2, "exec.log.o-1", append(events=events, waiting=(records.Waiting(8, APPROVAL),)).encode())
    trail = trail_of("lane", "o-1", [START, log], queries=1)
    assert trail is not None
    assert trail.status is OrderStatus.WAITING_FOR_APPROVAL
    assert [(e.what, e.step, e.operation, e.attempt) for e in trail.entries] == [
        ("ExecutionStarted", None, None, None),
        ("TaskStateEntered", "Charge", None, None),
        ("TaskScheduled", "Charge", "charge", 1),
        ("TaskFailed", "Charge", "charge", 1),
        ("TaskScheduled", "Charge", "charge", 2),
        ("TaskSucceeded", "Charge", "charge", 2),
        ("TaskStateExited", "Charge", "charge", 2),
        ("TaskStateEntered", "Ask", None, None),
        ("TaskScheduled", "Ask", None, 1),
    ]
    assert trail.entries[-1].input == {"order_id": "o-1"}
    assert trail.entries[0].input == {"order": {"total_cents": 7}}
    assert trail.entries[0].at == START.at


def test_no_trail_without_a_start() -> None:
    assert trail_of("lane", "o-1", [], queries=1) is None
