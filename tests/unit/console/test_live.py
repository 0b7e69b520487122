"""One lane as it is now: folded as rows come, judged by the auditor's own definitions, bounded."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lab.auditor import Anomaly
from lab.console import live
from lab.console.live import LiveLane

STOCK = {"a": {"seeded": 100, "available": 100}}
GOOD = ("charge", "reserve", "print_label")
UNDONE = ("charge", "reserve", "release", "refund")


def row(order_id: str, operation: str, seq: int = 1) -> dict[str, Any]:
    lines = [{"sku": "a", "quantity": 2}] if operation in ("reserve", "release") else []
    cents = 500 if operation in ("charge", "refund") else 0
    at = f"2026-01-01T00:00:{seq:02}Z"
    return {"seq": seq, "order_id": order_id, "operation": operation, "amount_cents": cents, "lines": lines, "at": at}


def told(lane: LiveLane, order_id: str, *operations: str) -> None:
    for seq, operation in enumerate(operations, 1):
        lane.read([row(order_id, operation, seq)])


def ended(order_id: str, status: str) -> dict[str, Any]:
    times = {"accepted_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:02Z"}
    return {"order_id": order_id, "status": status, "cursor": 1, **times}


def test_an_order_under_way_is_at_risk_and_not_wrong() -> None:
    lane = LiveLane(STOCK)
    told(lane, "o1", "charge", "reserve")
    now = lane.look()
    assert (now.wrong, now.cents_at_risk, now.pieces_at_risk, now.places) == (0, 500, 2, {"reserve": 1})


def test_where_an_order_is_does_not_depend_on_which_ledger_answered_first() -> None:
    lane = LiveLane(STOCK)
    lane.read([row("o1", "reserve", 2)])
    lane.read([row("o1", "charge", 1)])
    assert lane.look().places == {"reserve": 1}


def test_an_order_that_ended_well_is_counted_and_forgotten() -> None:
    lane = LiveLane(STOCK)
    lane.hear([ended("o1", "fulfilled"), ended("o2", "rolled_back")])
    told(lane, "o1", *GOOD)
    told(lane, "o2", *UNDONE)
    now = lane.look()
    assert now.finished == {"fulfilled": 1, "rolled_back": 1}
    assert (now.wrong, now.cents_at_risk, now.pieces_at_risk, now.places) == (0, 0, 0, {})
    assert now.latencies_s == (2.0, 2.0)
    assert lane.look().latencies_s == ()


def test_an_order_that_ended_with_wrong_books_is_named() -> None:
    lane = LiveLane(STOCK)
    lane.hear([ended("o1", "failed")])
    told(lane, "o1", "charge")
    now = lane.look()
    assert now.wrong == 1
    assert now.named[0].order_id == "o1"
    assert Anomaly.CHARGED_NOT_SHIPPED.value in now.named[0].kinds


def test_a_second_charge_is_wrong_at_once_and_after_a_good_end() -> None:
    lane = LiveLane(STOCK)
    told(lane, "o1", "charge", "charge")
    assert lane.look().wrong_kinds == {"double_charge": 1}
    lane.hear([ended("o2", "fulfilled")])
    told(lane, "o2", *GOOD)
    assert lane.look().wrong == 1
    lane.read([row("o2", "charge", 9)])
    assert lane.look().wrong == 2


def test_an_order_that_was_redriven_is_counted_once() -> None:
    lane = LiveLane(STOCK)
    told(lane, "o1", "charge", "reserve")
    lane.hear([ended("o1", "failed")])
    told(lane, "o1", "print_label")
    lane.hear([ended("o1", "fulfilled")])
    assert (lane.look().finished, lane.look().wrong) == ({"fulfilled": 1}, 0)


def test_what_is_done_after_the_end_does_not_bring_an_order_under_way_again() -> None:
    lane = LiveLane(STOCK)
    told(lane, "o1", *GOOD)
    lane.hear([ended("o1", "fulfilled")])
    told(lane, "o1", "charge")
    assert (lane.look().places, lane.look().wrong) == ({}, 1)


def test_more_than_there_was_is_told_from_the_shelf() -> None:
    lane = LiveLane({"a": {"seeded": 1, "available": 1}})
    told(lane, "o1", "charge", "reserve")
    assert lane.look().wrong_kinds == {"oversold": 1}


def test_of_orders_that_ended_well_only_so_many_are_remembered(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "REMEMBERED", 5)
    lane = LiveLane(STOCK)
    for number in range(100):
        told(lane, f"done-{number}", *UNDONE)
        lane.hear([ended(f"done-{number}", "rolled_back")])
    assert (lane.look().finished, lane.look().wrong, lane.look().places) == ({"rolled_back": 100}, 0, {})
    assert sum(lane._books.ended(f"done-{number}") is not None for number in range(100)) == 5


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["charge", "refund", "reserve", "release"])), max_size=30
    )
)
def test_when_it_is_looked_at_changes_nothing(rows: list[tuple[str, str]]) -> None:
    often, once = LiveLane(STOCK), LiveLane(STOCK)
    for seq, (order_id, operation) in enumerate(rows, 1):
        for lane in (often, once):
            lane.read([row(order_id, operation, seq)])
        often.look()
    assert often.look() == once.look()
