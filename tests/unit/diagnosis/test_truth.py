"""What must have led to what, from ledgers and injected faults alone."""

from typing import Any

from lab.diagnosis.truth import PLACED, Failure, OrderTruth, Reason, Step, truths_of

ORDER = {"order_id": "o-1", "total_cents": 900, "lines": [{"sku": "PEN", "quantity": 3, "unit_price_cents": 300}]}


def row(operation: str, at: int, attempt: int = 1, **more: Any) -> dict[str, Any]:
    return {"order_id": "o-1", "operation": operation, "attempt": attempt, "at": f"2026-01-01T00:00:{at:02}Z", **more}


def truth(effects: list[dict[str, Any]], faults: list[dict[str, Any]], tries: int = 4) -> OrderTruth:
    return truths_of([ORDER], effects, faults, tries)["o-1"]


def test_actions_follow_each_other_and_the_first_the_placing() -> None:
    found = truth([row("charge", 1), row("reserve", 2), row("print_label", 3)], [])
    charge, reserve, label = Step("charge", 1), Step("reserve", 1), Step("print_label", 1)
    assert found.edges == ((PLACED, charge), (charge, reserve), (reserve, label))
    assert found.failure is None


def test_a_retry_follows_the_try_before_it() -> None:
    found = truth([row("charge", 3, 2)], [row("charge", 1, 1, kind="error")])
    assert found.edges == ((PLACED, Step("charge", 1)), (Step("charge", 1), Step("charge", 2)))


def test_undoing_follows_the_failure_and_goes_backwards() -> None:
    faults = [row("print_label", 2 + n, n, kind="broken") for n in (1, 2, 3, 4)]
    found = truth([row("charge", 1), row("reserve", 2), row("release", 8), row("refund", 9)], faults)
    assert found.edges[-2:] == (
        (Step("print_label", 4), Step("release", 1)),
        (Step("release", 1), Step("refund", 1)),
    )
    assert found.failure == Failure("shipping", "print_label", Reason.UNAVAILABLE, "900: 3xPEN")


def test_what_an_undo_without_a_known_failure_followed_from_nobody_says() -> None:
    found = truth([row("charge", 1), row("refund", 9)], [])
    assert found.edges == ((PLACED, Step("charge", 1)),)
    assert found.failure is None


def test_a_fault_that_a_retry_made_good_failed_no_order() -> None:
    assert truth([], [row("charge", 1, 3, kind="hang")]).failure is None
    assert truth([], [row("charge", 1, 1, kind="hang")], tries=1).failure == Failure(
        "payment", "charge", Reason.NO_ANSWER, "900: 3xPEN"
    )


def test_a_refusal_fails_at_once() -> None:
    found = truth([row("charge", 1), row("refund", 3)], [row("reserve", 2, kind="refusal")])
    assert found.failure == Failure("warehouse", "reserve", Reason.REFUSED, "900: 3xPEN")
    assert (Step("reserve", 1), Step("refund", 1)) in found.edges
