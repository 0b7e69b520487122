"""Each check is met by the evidence of its lesson, and by nothing less."""

from dataclasses import replace

import pytest

from lab.topology import LANES
from lab.workshop.checks import CHECKS
from lab.workshop.evidence import (
    SeenEffect,
    SeenExecution,
    SeenFault,
    SeenLab,
    SeenLane,
    SeenOrder,
    SeenProcess,
    SeenSubscriber,
)
from services.trail import OrderStatus, TrailEntry

FULFILLED, ROLLED_BACK = OrderStatus.FULFILLED, OrderStatus.ROLLED_BACK
SERVICE = {"charge": "payment", "refund": "payment", "reserve": "warehouse", "release": "warehouse"}
DONE = ("charge", "reserve", "print_label")
UNDONE = ("charge", "reserve", "release", "refund")


def instant(second: float) -> str:
    return f"2026-01-01T00:00:{second:06.3f}Z"


def at(second: float) -> float:
    return 1_767_225_600.0 + second


def told(what: str, second: float = 1.0, store: str = "ORDERS", **more: str) -> TrailEntry:
    return TrailEntry(at=instant(second), what=what, store=store, **more)


def effects(*operations: str, attempt: int = 1, start: float = 2.0) -> tuple[SeenEffect, ...]:
    return tuple(
        SeenEffect(SERVICE.get(operation, "shipping"), operation, 1000, attempt, at(start + number))
        for number, operation in enumerate(operations)
    )


def faults(kind: str, operation: str, times: int) -> tuple[SeenFault, ...]:
    return tuple(SeenFault(operation, kind, number, at(number)) for number in range(1, times + 1))


def order(status: OrderStatus = FULFILLED, *moments: TrailEntry, **more: object) -> SeenOrder:
    seen = SeenOrder("o-1", status, accepted_s=at(0.5), finished_s=at(30), moments=moments)
    return replace(seen, **more)


def lab(**orders: tuple[SeenOrder, ...]) -> SeenLab:
    return SeenLab({lane: SeenLane(lane, orders=orders.get(lane, ())) for lane in LANES})


def in_both(*orders: SeenOrder) -> SeenLab:
    return lab(choreography=orders, orchestration=orders)


HEARD = (
    told("OrderPlaced", service="door", id="1"),
    told("PaymentCharged", service="payment", cause="1", id="2"),
    told("InventoryReserved", service="warehouse", cause="2", id="3"),
    told("LabelPrinted", service="shipping", cause="3", id="4"),
)
UNDOING = (
    told("LabelVoided", service="shipping"),
    told("InventoryReleased", service="warehouse"),
    told("PaymentRefunded", service="payment"),
)
ENTERED = tuple(
    told("StateEntered", store="EXEC", step=step) for step in ("Charge", "Reserve", "IsLarge", "PrintLabel")
)
YES = (told("ApprovalRequested", 2.5), told("ApprovalGranted", 3.5))
NO = (told("TaskScheduled", 2.5, "EXEC", step="Approval"), told("TaskFailed", 3.0, "EXEC", step="Approval"))
PARKED = (told("DeadLetter (replayed)", 5.0, "DEAD_LETTERS", error="undo_failed: refused"),)
WAITED = (
    told("TaskScheduled", 5.0, "EXEC", step="ReleaseParked"),
    told("TaskSucceeded", 9.0, "EXEC", step="ReleaseParked"),
)

INKLESS = order(
    OrderStatus.FAILED,
    effects=effects("charge", "reserve"),
    faults=faults("broken", "print_label", 1),
    anomalies=("charged_not_shipped",),
)
UNDONE_BY_EARS = order(ROLLED_BACK, *UNDOING, effects=effects(*UNDONE), faults=faults("broken", "print_label", 4))
THIRD_TIME = order(
    effects=effects("charge", "reserve") + effects("print_label", attempt=3, start=9.0),
    faults=faults("error", "print_label", 2),
)
APPROVED = order(FULFILLED, *YES, effects=effects(*DONE))
REJECTED = order(ROLLED_BACK, *NO, effects=effects(*UNDONE))
ONCE = order(effects=effects(*DONE), faults=faults("lost_reply", "charge", 1))
TWICE = replace(ONCE, effects=effects("charge", *DONE), anomalies=("double_charge",))
MENDED = order(ROLLED_BACK, *PARKED, effects=effects(*UNDONE))
MENDED_BY_ANSWER = order(ROLLED_BACK, *WAITED, effects=effects(*UNDONE))


def unsettled(seen: SeenLab) -> SeenLab:
    return SeenLab({name: replace(lane, unacknowledged=1) for name, lane in seen.lanes.items()})


def killed(**more: object) -> SeenLab:
    """Whoever decides was killed, and came back at second 10."""
    process = replace(SeenProcess("conductor-1", 1, "SIGKILL", at(10)), **more)
    found = in_both(order(effects=effects(*DONE)))
    return SeenLab(
        {
            "choreography": replace(found.lane("choreography"), processes=(replace(process, component="shipping"),)),
            "orchestration": replace(
                found.lane("orchestration"), processes=(process, replace(process, component="conductor-2"))
            ),
        }
    )


def listened(heard: int = 3, started_s: float = 1.0) -> SeenLab:
    lane = SeenLane(
        "choreography",
        processes=(SeenProcess("shipping", 0, None, at(started_s)),),
        subscribers=(SeenSubscriber("cards", at(5), heard),),
        placed=2,
        messages=8,
        stored_bytes=8000,
    )
    return SeenLab({"choreography": lane})


def executed(status: str = "SUCCEEDED", express: int = 1) -> SeenLab:
    return SeenLab(executions=(SeenExecution("kept", "mine", status),), express_ended=express)


GREEN: list[tuple[int, SeenLab]] = [
    (1, lab(choreography=(order(FULFILLED, *HEARD),))),
    (2, in_both(INKLESS)),
    (3, lab(choreography=(UNDONE_BY_EARS,))),
    (4, lab(orchestration=(order(FULFILLED, *ENTERED),))),
    (5, in_both(THIRD_TIME)),
    (6, in_both(APPROVED)),
    (7, in_both(REJECTED)),
    (8, in_both(TWICE, ONCE)),
    (9, killed()),
    (10, lab(choreography=(MENDED,), orchestration=(MENDED_BY_ANSWER,))),
    (11, executed()),
    (12, listened()),
]

RED: list[tuple[int, str, SeenLab]] = [
    (1, "not fulfilled", lab(choreography=(order(ROLLED_BACK, *HEARD),))),
    (1, "two reactions only", lab(choreography=(order(FULFILLED, *HEARD[:3]),))),
    (1, "the other lane", lab(orchestration=(order(FULFILLED, *HEARD),))),
    (2, "one lane only", lab(choreography=(INKLESS,))),
    (2, "another cause", in_both(replace(INKLESS, faults=faults("error", "print_label", 1)))),
    (2, "undone after all", in_both(replace(INKLESS, anomalies=()))),
    (3, "no fault", lab(choreography=(replace(UNDONE_BY_EARS, faults=()),))),
    (3, "one of three undid nothing", lab(choreography=(replace(UNDONE_BY_EARS, moments=UNDOING[:2]),))),
    (3, "wrong books", lab(choreography=(replace(UNDONE_BY_EARS, anomalies=("stock_leaked",)),))),
    (4, "a step is missing", lab(orchestration=(order(FULFILLED, *ENTERED[:3]),))),
    (4, "not fulfilled", lab(orchestration=(order(ROLLED_BACK, *ENTERED),))),
    (5, "one failure only", in_both(replace(THIRD_TIME, faults=faults("error", "print_label", 1)))),
    (5, "two labels", in_both(replace(THIRD_TIME, effects=effects(*DONE, "print_label")))),
    (5, "undone", in_both(replace(THIRD_TIME, status=ROLLED_BACK))),
    (6, "no answer", in_both(replace(APPROVED, moments=YES[:1]))),
    (6, "labelled before the yes", in_both(replace(APPROVED, effects=effects(*DONE, start=0.0)))),
    (6, "a no", in_both(REJECTED)),
    (7, "a yes", in_both(APPROVED)),
    (
        7,
        "refunded before released",
        in_both(replace(REJECTED, effects=effects("charge", "reserve", "refund", "release"))),
    ),
    (7, "never undone", in_both(replace(REJECTED, effects=effects("charge", "reserve")))),
    (8, "only once", in_both(ONCE)),
    (8, "an event is still to come again", unsettled(in_both(TWICE, ONCE))),
    (8, "only twice", in_both(TWICE)),
    (8, "no reply was lost", in_both(replace(TWICE, faults=()), replace(ONCE, faults=()))),
    (9, "never killed", killed(last_exit=None)),
    (9, "stopped gently", killed(last_exit="exit code 0")),
    (9, "still down", killed(started_s=None)),
    (9, "back before the order came", killed(started_s=at(0.1))),
    (9, "back after it had ended", killed(started_s=at(40))),
    (10, "still parked", in_both(replace(MENDED, status=OrderStatus.PARKED))),
    (10, "never parked", in_both(UNDONE_BY_EARS)),
    (10, "by itself", in_both(replace(MENDED, moments=(told("DeadLetter (parked)", error="stuck_undoing: quiet"),)))),
    (11, "failed", executed(status="FAILED")),
    (11, "no Express", executed(express=0)),
    (12, "heard nothing", listened(heard=0)),
    (12, "a process is younger", listened(started_s=6.0)),
]


@pytest.mark.parametrize(("number", "seen"), GREEN, ids=lambda value: str(value) if isinstance(value, int) else "")
def test_a_check_is_met_by_what_its_lesson_does(number: int, seen: SeenLab) -> None:
    found = CHECKS[number](seen)
    assert found.met, found.seen


@pytest.mark.parametrize(("number", "what", "seen"), RED, ids=[f"{number}: {what}" for number, what, _ in RED])
def test_a_check_is_not_met_by_less(number: int, what: str, seen: SeenLab) -> None:
    found = CHECKS[number](seen)
    assert not found.met
    assert found.advice
    assert found.seen


@pytest.mark.parametrize("number", CHECKS)
def test_an_empty_lab_meets_no_check_and_every_check_says_why(number: int) -> None:
    for empty in (SeenLab(), lab()):
        found = CHECKS[number](empty)
        assert not found.met
        assert all(found.seen)


@pytest.mark.parametrize(("number", "seen"), GREEN, ids=lambda value: str(value) if isinstance(value, int) else "")
def test_no_check_is_met_by_another_lesson_s_evidence(number: int, seen: SeenLab) -> None:
    others = [other for other, check in CHECKS.items() if other != number and check(seen).met]
    assert others == []


def test_what_an_order_costs_is_told_from_what_is_stored() -> None:
    assert "choreography: 4.0 messages and 4.0 kB are stored for each of 2 orders" in CHECKS[12](listened()).seen


def test_a_lab_in_which_an_order_moves_is_looked_at_again() -> None:
    assert in_both(order(OrderStatus.UNDOING)).moving
    assert unsettled(in_both(order())).moving
    assert not in_both(order(OrderStatus.PARKED), order(OrderStatus.WAITING_FOR_APPROVAL)).moving
