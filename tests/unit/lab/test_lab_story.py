"""A trail told to people: in order, complete, nothing added."""

import pytest

from lab.accepted import accepted_orders, known_ids, order_body
from lab.commands.orders import DEAR_ONES, choose, exit_code
from lab.errors import BadInput
from lab.story import instant, tell
from services.trail import OrderStatus, OrderTrail, TrailEntry

ORDER = {
    "order_id": "o-1",
    "customer_id": "c",
    "lines": [{"sku": "A", "quantity": 2, "unit_price_cents": 5}],
    "total_cents": 10,
}


def trail(*entries: TrailEntry) -> OrderTrail:
    return OrderTrail(order_id="o-1", lane="x", status=OrderStatus.FULFILLED, stores=("S",), queries=1, entries=entries)


def test_entries_are_told_in_order_of_time_with_seconds_since_the_first() -> None:
    told = tell(
        trail(
            TrailEntry(at="2026-01-01T00:00:02.500000000Z", what="second", store="S"),
            TrailEntry(at="2026-01-01T00:00:01Z", what="first", store="S"),
        )
    )
    assert [(each.after_s, each.headline) for each in told] == [(0.0, "first"), (1.5, "second")]


def test_an_entry_tells_step_service_attempt_input_output_and_error() -> None:
    entry = TrailEntry(
        at="2026-01-01T00:00:01Z",
        what="TaskFailed",
        store="HISTORY",
        step="Charge",
        service="payment",
        operation="charge",
        attempt=2,
        input={"b": 1, "a": "é"},
        output=None,
        error="CardDeclined",
        cause="x" * 500,
    )
    (told,) = tell(trail(entry))
    assert told.headline == "TaskFailed in Charge (payment.charge) attempt 2"
    assert told.bad
    facts = dict(told.facts)
    assert facts["input"] == '{"a": "é", "b": 1}'
    assert facts["error"] == "CardDeclined"
    assert facts["cause"].endswith("…")
    assert dict(tell(trail(entry), whole=True)[0].facts)["cause"] == "x" * 500


def test_an_empty_trail_is_an_empty_story() -> None:
    assert tell(trail()) == []


def test_instants_of_any_precision() -> None:
    assert instant("1970-01-01T00:00:01Z") == 1.0
    assert instant("1970-01-01T00:00:01.5Z") == 1.5
    assert instant("1970-01-01T00:00:01.123456789+00:00") == 1.123456


def test_the_order_is_found_wherever_a_trail_has_it() -> None:
    assert order_body({"entries": [{"input": None}, {"output": {"data": {"order": ORDER}}}]}) == ORDER
    assert order_body({"entries": [{"input": "text"}]}) is None


def test_accepted_orders_and_those_whose_trail_tells_none() -> None:
    orders, untold = accepted_orders({"o-1": {"entries": [{"input": ORDER}]}, "o-2": {"entries": []}, "o-3": None})
    assert [(order.order_id, order.total_cents, order.lines) for order in orders] == [("o-1", 10, (("A", 2, 5),))]
    assert untold == ["o-2", "o-3"]


def test_known_ids_are_each_once_and_oldest_first() -> None:
    views = [{"order_id": "b", "accepted_at": "2"}, {"order_id": "a", "accepted_at": "1"}]
    assert known_ids(views, [{"order_id": "b", "accepted_at": "2"}, {"order_id": "c", "accepted_at": "3"}]) == [
        "a",
        "b",
        "c",
    ]


def test_exit_code_of_a_followed_order() -> None:
    assert exit_code([OrderStatus.FULFILLED, OrderStatus.FULFILLED], 2) == 0
    assert exit_code([OrderStatus.FULFILLED, OrderStatus.ROLLED_BACK], 2) == 3
    assert exit_code([OrderStatus.FAILED, OrderStatus.ROLLED_BACK], 2) == 1
    assert exit_code([OrderStatus.FULFILLED], 2) == 1


def test_a_product_that_is_in_stock_is_chosen_and_a_dear_one_for_a_large_order() -> None:
    prices = {f"SKU-{place}": 100 + place for place in range(100)}
    assert choose(prices, "SKU-3", False) == ("SKU-3", 103)
    assert all(int(choose(prices, None, False)[0].removeprefix("SKU-")) >= 50 for _ in range(100))
    assert all(choose(prices, None, True)[1] >= 200 - DEAR_ONES for _ in range(100))
    with pytest.raises(BadInput, match="for instance: SKU-0"):
        choose(prices, "NOPE", False)
