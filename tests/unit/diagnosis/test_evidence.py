"""What trails and spans tell: the same story gives the same edges, whatever its shape."""

from typing import Any

import pytest

from lab.diagnosis.diagnoser import diagnose, reason_of
from lab.diagnosis.evidence import NOTHING, Evidence, closure
from lab.diagnosis.scoring import Inquiry, score
from lab.diagnosis.seen import SeenSpan
from lab.diagnosis.span_evidence import lose, of_spans, sample
from lab.diagnosis.trail_evidence import of_trail
from lab.diagnosis.tree import branches
from lab.diagnosis.truth import PLACED, Failure, OrderTruth, Reason, Step
from services.faults.plan import FaultKind
from services.trail import OrderStatus, OrderTrail, TrailEntry
from telemetry.ids import trace_id_of

BODY = {"order_id": "o-1", "total_cents": 900, "lines": [{"sku": "PEN", "quantity": 3, "unit_price_cents": 300}]}
CHARGE, RESERVE_1, RESERVE_2 = Step("charge", 1), Step("reserve", 1), Step("reserve", 2)
STORY = {(PLACED, CHARGE), (CHARGE, RESERVE_1), (RESERVE_1, RESERVE_2), (PLACED, RESERVE_2), (CHARGE, RESERVE_2)}
TRUTH = OrderTruth("o-1", "900: 3xPEN", (CHARGE, RESERVE_1, RESERVE_2), {RESERVE_2: FaultKind.ERROR}, tries=2)


def entry(at: int, what: str, **more: Any) -> TrailEntry:
    return TrailEntry(at=f"2026-01-01T00:00:{at:02}Z", what=what, store="S", **more)


def trail(*entries: TrailEntry) -> OrderTrail:
    return OrderTrail(
        order_id="o-1", lane="any", status=OrderStatus.ROLLED_BACK, stores=("S",), queries=1, entries=entries
    )


def by_causes() -> OrderTrail:
    payment, warehouse = (
        {"service": "payment"},
        {"service": "warehouse", "operation": "reserve", "error": "Unavailable"},
    )
    return trail(
        entry(1, "OrderPlaced", id="placed", input=BODY),
        entry(2, "PaymentCharged", id="charged", cause="placed", operation="charge", **payment),
        entry(3, "AttemptFailed", id="try", cause="charged", attempt=1, **warehouse),
        entry(4, "InventoryRejected", id="rejected", cause="charged", **warehouse),
    )


def by_order() -> OrderTrail:
    def task(at: int, what: str, service: str, operation: str, attempt: int, error: str | None = None) -> TrailEntry:
        return entry(at, what, id=f"r:{at}", service=service, operation=operation, attempt=attempt, error=error)

    return trail(
        entry(1, "ExecutionStarted", id="r:1", input={"order": BODY}),
        task(2, "TaskScheduled", "payment", "charge", 1),
        task(3, "TaskSucceeded", "payment", "charge", 1),
        task(4, "TaskFailed", "warehouse", "reserve", 1, "Http.Unavailable"),
        task(5, "TaskFailed", "warehouse", "reserve", 2, "Http.Unavailable"),
    )


def span(span_id: str, parent: str | None, began: float, ended: float, name: str = "", **more: Any) -> SeenSpan:
    return SeenSpan("any", "p", trace_id_of("o-1"), span_id, parent, name, "internal", began, ended, **more)


def work(operation: str, attempt: int, service: str) -> dict[str, Any]:
    return {"attributes": {"lab.operation": operation, "lab.attempt": attempt, "lab.service": service}}


def spans() -> list[SeenSpan]:
    order = {"attributes": {"lab.total_cents": 900, "lab.lines": "3xPEN"}}
    return [
        span("door", None, 0, 1, "POST /orders", **order),
        span("root", "door", 0, 9),
        span("s1", "root", 1, 2),
        span("charge", "s1", 1, 2, **work("charge", 1, "payment")),
        span("s2", "root", 2, 5),
        span("reserve1", "s2", 2, 3, error="Unavailable", **work("reserve", 1, "warehouse")),
        span("reserve2", "s2", 4, 5, error="Unavailable", **work("reserve", 2, "warehouse")),
    ]


@pytest.mark.parametrize("evidence", [of_trail(by_causes()), of_trail(by_order()), of_spans(spans())])
def test_the_same_story_is_found_in_every_shape(evidence: Evidence) -> None:
    assert evidence.edges >= STORY
    assert (CHARGE, PLACED) not in evidence.edges
    assert diagnose(evidence) == Failure("warehouse", "reserve", Reason.UNAVAILABLE, "900: 3xPEN")
    assert TRUTH.failure == diagnose(evidence)


def test_spans_that_overlap_led_to_nothing_in_each_other() -> None:
    both = [
        span("root", None, 0, 9),
        span("a", "root", 1, 5, **work("charge", 1, "payment")),
        span("b", "root", 2, 6, **work("reserve", 1, "warehouse")),
    ]
    assert not of_spans(both).edges


def test_a_link_leads_where_no_parent_does() -> None:
    linked = [
        span("a", None, 1, 5, **work("charge", 1, "payment")),
        span("b", "lost", 2, 6, links=("a",), **work("reserve", 1, "warehouse")),
    ]
    assert of_spans(linked).edges == {(CHARGE, RESERVE_1)}


def test_a_lost_parent_joins_what_names_it() -> None:
    under_lost = span("a", "lost", 1, 2, **work("charge", 1, "payment"))
    after = {"parent": None, "began": 3, "ended": 4, **work("reserve", 1, "warehouse")}
    for other in (span("b", "lost", 3, 4, **work("reserve", 1, "warehouse")), span("b", links=("lost",), **after)):
        assert of_spans([under_lost, other]).edges == {(CHARGE, RESERVE_1)}


def test_both_sources_together_know_what_neither_knows_alone() -> None:
    one = Evidence(closure({(PLACED, CHARGE)}), (), "")
    other = Evidence(closure({(CHARGE, RESERVE_1)}), (), "900: 3xPEN")
    assert one.with_other(other).edges == {(PLACED, CHARGE), (CHARGE, RESERVE_1), (PLACED, RESERVE_1)}
    assert one.with_other(other).input == "900: 3xPEN"


def test_a_late_refusal_is_no_cause() -> None:
    late = entry(
        9, "InventoryRejected", service="warehouse", operation="reserve", error="OrderUndone: release came first"
    )
    assert diagnose(of_trail(trail(entry(1, "OrderPlaced", id="p"), late))) is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("Http.Unavailable: 503: injected fault: error", Reason.UNAVAILABLE),
        ("States.Timeout", Reason.NO_ANSWER),
        ("Http.ConnectionLost: the connection was lost", Reason.NO_ANSWER),
        ("NoAnswer: the answer was lost", Reason.NO_ANSWER),
        ("CardDeclined: no funds", Reason.REFUSED),
        ("something else", None),
    ],
)
def test_reasons_are_told_by_the_words_of_the_error(error: str, reason: Reason | None) -> None:
    assert reason_of(error) == reason


def test_a_score_counts_what_was_found_and_whether_the_diagnosis_was_right() -> None:
    found = score([Inquiry(TRUTH, True, of_trail(by_order()), 1, 1), Inquiry(TRUTH, True, NOTHING, 0, 0)])
    assert (found.orders, found.failed, found.edges, found.diagnosed) == (2, 2, 0.5, 0.5)
    assert (found.stores, found.queries) == (0.5, 0.5)


def test_there_is_no_share_of_nothing() -> None:
    assert score([]).edges is None
    assert score([Inquiry(TRUTH, False, NOTHING, 0, 0)]).diagnosed is None


def test_sampling_keeps_whole_traces_and_loss_single_spans() -> None:
    many = [span(f"{n:016x}", None, 0, 1) for n in range(1000)]
    assert len(sample(many, 1.0)) == 1000
    assert len(sample(many, 0.5)) in (0, 1000)
    assert 800 < len(lose(many, 0.1)) < 950
    assert lose(many, 0.1) == lose(many, 0.1)


def test_a_tree_shows_each_span_once_and_says_whose_parent_is_missing() -> None:
    shown = branches([*reversed(spans()), span("orphan", "lost", 3, 4)])
    assert sorted(branch.span.span_id for branch in shown) == sorted([*(each.span_id for each in spans()), "orphan"])
    assert [(b.depth, b.span.span_id) for b in shown][:4] == [(0, "door"), (1, "root"), (2, "s1"), (3, "charge")]
    assert [branch.span.span_id for branch in shown if branch.lost_parent] == ["orphan"]
