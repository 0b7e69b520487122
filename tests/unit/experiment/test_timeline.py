"""When books were wrong, by hand-made ledgers."""

from typing import Any

import pytest

from lab.auditor import AcceptedOrder
from lab.experiment.phases import Moments, phases_of
from lab.experiment.records import OrderRow, Window
from lab.experiment.timeline import Posted, Wrong, samples, violation_s, wrong_spans

ORDER = AcceptedOrder("o", 500, (("A", 1, 500),))
HORIZON = 20.0
LINES = [{"sku": "A", "quantity": 1}]


def did(at_s: float, operation: str) -> Posted:
    cents = 500 if operation in ("charge", "refund") else 0
    lines: list[Any] = LINES if operation in ("reserve", "release") else []
    return Posted(
        at_s, {"seq": int(at_s * 10), "order_id": "o", "operation": operation, "amount_cents": cents, "lines": lines}
    )


def spans(
    *posted: Posted, ended: tuple[float, str] | None = None, silent: float | None = None
) -> list[tuple[float, float]]:
    return [(each.from_s, each.to_s) for each in wrong_spans(ORDER, posted, ended, silent, HORIZON)]


def test_an_order_on_its_way_is_not_wrong() -> None:
    assert spans(did(1, "charge"), did(2, "reserve"), did(3, "print_label"), ended=(4, "fulfilled")) == []
    assert (
        spans(did(1, "charge"), did(2, "reserve"), did(3, "release"), did(4, "refund"), ended=(5, "rolled_back")) == []
    )


def test_it_is_wrong_from_its_end_until_its_books_agree() -> None:
    assert spans(did(1, "charge"), did(6, "refund"), ended=(2, "rolled_back")) == [(2, 6)]


def test_what_nothing_takes_back_is_wrong_from_the_moment_it_happens() -> None:
    found = spans(did(1, "charge"), did(2, "charge"), did(3, "reserve"), did(4, "print_label"), ended=(5, "fulfilled"))
    assert found == [(2, HORIZON)]


def test_a_stuck_order_is_wrong_from_its_last_news_on() -> None:
    assert spans(did(1, "charge"), silent=3.0) == [(3.0, HORIZON)]


def test_seconds_are_summed_over_orders() -> None:
    assert violation_s([Wrong("a", 1, 3, 10), Wrong("b", 2, 2.5, 10)]) == pytest.approx(2.5)


def test_each_second_tells_what_was_open_and_wrong_at_its_end() -> None:
    row = OrderRow("o", 0.2, 0.2, 0.3, "accepted", 1.4, "inconsistent", 500)
    told = samples([row], [Wrong("o", 1.5, 2.6, 500)], 3.2)
    assert [(each.accepted, each.finished, each.in_flight, each.anomalous) for each in told] == [
        (1, 0, 1, 0),
        (0, 1, 0, 1),
        (0, 0, 0, 0),
        (0, 0, 0, 0),
    ]
    assert told[1].cents_at_risk == 500


def test_nothing_is_in_flight_that_was_never_acknowledged_or_ended_before_it() -> None:
    early = OrderRow("early", 0.2, 0.2, 1.5, "accepted", 0.9, "fulfilled", 500)
    silent = OrderRow("silent", 0.2, 0.2, None, "unanswered", 0.9, "fulfilled", 500)
    assert [each.in_flight for each in samples([early, silent], [], 2.0)] == [0, 0, 0]


def test_phases_follow_what_was_done() -> None:
    moments = Moments(load_ended_s=12, drained_s=14, rested_s=15, audited_s=16)
    done = [Window("fault", "x", 3, 5), Window("machinery", "kill", 8, 9.5)]
    found = [(each.label, each.from_s, each.to_s) for each in phases_of(2, done, moments).windows()]
    assert found == [
        ("warm-up", 0, 2),
        ("steady", 2, 3),
        ("fault", 3, 9.5),
        ("recovery", 9.5, 12),
        ("drain", 12, 14),
        ("quiesce", 14, 15),
        ("audit", 15, 16),
    ]


def test_without_a_fault_all_is_steady() -> None:
    phases = phases_of(2, [], Moments(10, 10, 11, 12))
    assert phases.cleared_s is None
    assert [each.label for each in phases.windows()] == ["warm-up", "steady", "quiesce", "audit"]
