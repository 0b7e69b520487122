"""A trail told to people: in order, complete, nothing added."""

import json
from typing import Any

import pytest

from lab.accepted import accepted_orders, known_ids, order_body
from lab.commands.orders import DEAR_ONES, choose, exit_code, order_lines
from lab.errors import BadInput
from lab.story import Step, instant, steps, stores_that_told, tell
from services.trail import OrderStatus, OrderTrail, OrderView, TrailEntry

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


def entry(at: int, **facts: Any) -> TrailEntry:
    return TrailEntry(at=f"2026-01-01T00:00:{at:02}Z", what="X", store="S", **facts)


def test_what_was_told_before_is_left_out_unless_all_is_asked_for() -> None:
    charge = {"charge_id": "ch_1"}
    found = trail(
        entry(1, input={"order": ORDER}),
        entry(2, input=ORDER),
        entry(3, output=charge),
        entry(4, output={"order": ORDER, "charge": charge, "failure": {"Error": "E"}}),
        entry(5, output={"result": "done"}),
    )
    said = [dict(each.facts) for each in tell(found)]
    assert said[0] == {"input": json.dumps({"order": ORDER}, sort_keys=True)}
    assert said[1:] == [
        {},
        {"output": '{"charge_id": "ch_1"}'},
        {"output": '{"failure": {"Error": "E"}}'},
        {"output": '{"result": "done"}'},
    ]
    assert all(each.facts for each in tell(found, whole=True))


def test_a_story_is_cut_to_the_reader_s_width() -> None:
    (told,) = tell(trail(entry(1, input={"a": "x" * 300}, error="y" * 300)), width=40)
    assert all(len(text) == 40 and text.endswith("…") for _, text in told.facts)


def test_only_stores_that_told_something_are_named() -> None:
    found = trail(entry(1)).model_copy(update={"stores": ("S", "DEAD_LETTERS")})
    assert stores_that_told(found) == ["S"]


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
    ids = [f"o-{number}" for number in range(100)]
    assert choose(prices, "SKU-3", False, "o-1") == ("SKU-3", 103)
    assert all(int(choose(prices, None, False, each)[0].removeprefix("SKU-")) >= 50 for each in ids)
    assert all(choose(prices, None, True, each)[1] >= 200 - DEAR_ONES for each in ids)
    with pytest.raises(BadInput, match="for instance: SKU-0"):
        choose(prices, "NOPE", False, "o-1")


def test_the_same_id_chooses_the_same_product_so_that_an_order_can_be_sent_again() -> None:
    prices = {f"SKU-{place}": 100 + place for place in range(100)}
    assert len({choose(prices, None, False, "abc") for _ in range(20)}) == 1
    assert len({choose(prices, None, False, f"o-{number}") for number in range(20)}) > 1


REFUSED = OrderView(
    order_id="order-0123456789ab",
    lane="orchestration",
    status=OrderStatus.ROLLED_BACK,
    reason="OutOfStock: [bold] 3 wanted, 1 left, and more words",
    accepted_at="2026-01-01T10:00:00Z",
    finished_at="2026-01-01T10:00:01Z",
)
WIDTHS = (13, 18, 11, 8, 8)


def test_a_reason_stands_beside_its_order_or_on_a_line_of_its_own_never_in_a_narrow_column() -> None:
    (wide,) = order_lines(REFUSED, WIDTHS, 200)
    assert wide.endswith(r"10:00:01  [dim]OutOfStock: \[bold] 3 wanted, 1 left, and more words[/]")
    line, reason = order_lines(REFUSED, WIDTHS, 80)
    assert line.startswith("orchestration  order-0123456789ab  [yellow]rolled_back[/]  10:00:00")
    assert reason.startswith("    [dim]OutOfStock")


def test_an_order_without_a_reason_is_one_line() -> None:
    assert len(order_lines(REFUSED.model_copy(update={"reason": None}), WIDTHS, 80)) == 1


def test_steps_tell_what_they_undo_and_what_failed() -> None:
    failed = {"error": "Http.Unavailable"}
    attempts = [failed, failed, {"error": None}]
    entered = {"inside": 0, "undoes": None, "error": None, "entered_at": "2026-01-01T00:00:00.000000Z"}
    execution = {
        "entries": [
            {**entered, "id": 2, "state": "Both", "status": "running", "exited_at": None, "attempts": []},
            {
                **entered,
                "id": 4,
                "inside": 2,
                "state": "Refund",
                "status": "succeeded",
                "undoes": "Charge",
                "exited_at": "2026-01-01T00:00:01.500000Z",
                "attempts": attempts,
            },
        ]
    }
    assert steps(execution) == [
        Step("Both", "running", None, 0, "", 0),
        Step("Refund", "succeeded", 1.5, 3, "undoes Charge; Http.Unavailable", 1),
    ]
