"""One order, moment by moment: three sources kept apart, on one axis, as text."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lab.console.orders.axis import axis, places, seconds
from lab.console.orders.moments import Books, is_retrying, left_out, moments
from lab.console.orders.near import rows_of_order
from lab.console.svg import Markup, tag

EVIL = '<img src=x onerror="alert(1)">'


def at(second: float) -> str:
    return f"2026-01-01T00:00:{second:09.6f}Z"


def second_of_day(n: int) -> str:
    return f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z"


def entry(second: float, what: str, **more: Any) -> dict[str, Any]:
    return {"at": at(second), "what": what, "store": "ORDERS", **more}


def effect(second: float, operation: str, cents: int = 0) -> dict[str, Any]:
    return {"at": at(second), "operation": operation, "amount_cents": cents, "lines": [{"sku": "a", "quantity": 3}]}


def test_each_moment_has_the_books_as_they_stood_then() -> None:
    trail = {
        "status": "fulfilled",
        "entries": [entry(1, "OrderPlaced"), entry(3, "PaymentCharged"), entry(9, "LabelPrinted")],
    }
    found = moments(
        "choreography", trail, [], [effect(2, "charge", 700), effect(4, "reserve"), effect(8, "print_label")]
    )
    assert [moment.books for moment in found] == [Books(), Books(700, 0, 0), Books(700, 3, 1)]


def test_what_was_injected_stands_between_what_was_told() -> None:
    injected = [
        {"at": at(2), "kind": "error", "point": None, "operation": "charge", "attempt": 1, "service": "payment"}
    ]
    trail = {
        "status": "in_progress",
        "entries": [entry(1, "OrderPlaced"), entry(3, "AttemptFailed", error="Unavailable")],
    }
    assert [moment.kind for moment in moments("choreography", trail, injected, [])] == ["told", "injected", "told"]


def test_of_many_tries_the_middle_ones_are_minor() -> None:
    tries = [entry(n, "TaskFailed", operation="charge", attempt=n, error="x") for n in range(1, 11)]
    found = moments("orchestration", {"status": "in_progress", "entries": tries}, [], [])
    assert [moment.attempt for moment in found if not moment.minor] == [1, 2, 3, 10]
    assert left_out(found) == 6


def test_retrying_is_a_last_try_that_failed() -> None:
    failed = entry(1, "AttemptFailed", attempt=1, error="x")
    assert is_retrying({"status": "in_progress", "entries": [failed]})
    assert not is_retrying({"status": "rolled_back", "entries": [failed]})
    assert not is_retrying({"status": "in_progress", "entries": []})


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_the_axis_keeps_the_order_of_time(instants: list[float]) -> None:
    ordered = sorted(instants)
    found = places(ordered)
    assert found == sorted(found)
    assert all(0 <= place <= 1 for place in found)


def test_a_drawing_holds_no_markup_of_an_orders() -> None:
    trail = {"status": "in_progress", "entries": [entry(1, EVIL)]}
    drawn = axis([EVIL], moments(EVIL, trail, [], []), EVIL)
    assert "<img" not in drawn
    assert drawn.count("&lt;img") > 2


@given(st.text())
def test_text_in_a_drawing_is_text(text: str) -> None:
    drawn = tag("text", text, tag("title", text), name=text)
    assert isinstance(drawn, Markup)
    assert drawn.count("<") == 4


def test_seconds_are_said_briefly() -> None:
    assert (seconds(0.0123), seconds(12.345)) == ("12 ms", "12.35 s")


async def test_the_rows_of_an_order_are_found_without_reading_the_ledger_whole() -> None:
    ledger = [
        {"seq": n, "order_id": f"o{n}", "at": f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z"}
        for n in range(1, 50_001)
    ]
    read = 0

    async def fetch(after: int, limit: int) -> list[dict[str, Any]]:
        nonlocal read
        page = ledger[after : after + limit]
        read += len(page)
        return page

    since = 1_767_225_600 + 40_000  # the 40,000th second of that day
    found = await rows_of_order(fetch, "o40001", since, since + 60)
    assert [row["seq"] for row in found] == [40_001]
    assert read < 6_000
