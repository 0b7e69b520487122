"""First and worst order, conservation, the figures' JSON, and the speed of an audit."""

import time

import pytest

from lab.auditor import AcceptedOrder, Anomaly, Effect, Evidence, StockLevel, audit
from lab.auditor.evidence import accepted_order, effect_of
from tests.judge_ledgers import SKU, TOTAL, Ledgers, order


def test_first_is_by_acceptance_and_worst_by_money_at_stake() -> None:
    ledgers = (
        Ledgers().do("charge", order_id="b").do("charge", order_id="c", cents=9 * TOTAL).do("charge", order_id="a")
    )
    orders = (order("a"), order("b"), order("c", total=9 * TOTAL))
    tally = ledgers.audit(*orders, stories=dict.fromkeys("abc", "failed")).tallies[Anomaly.CHARGED_NOT_SHIPPED]
    assert (tally.count, tally.first, tally.worst, tally.worst_cents) == (3, "a", "c", 9 * TOTAL)


def test_of_equals_the_earliest_is_the_worst() -> None:
    ledgers = Ledgers().do("charge", order_id="a").do("charge", order_id="b")
    found = ledgers.audit(order("b"), order("a"), stories={"a": "failed", "b": "failed"})
    assert found.tallies[Anomaly.CHARGED_NOT_SHIPPED].worst == "b"


def test_an_order_may_show_several_kinds() -> None:
    found = Ledgers().do("charge", "charge", "reserve").audit(stories={"o1": "in_progress"})
    assert set(found.anomalies["o1"]) == {"charged_not_shipped", "stock_leaked", "double_charge", "stuck"}


def test_stock_that_disagrees_with_its_ledger_is_not_conserved() -> None:
    found = Ledgers(available=99).fulfil().audit(stories={"o1": "fulfilled"})
    assert not found.tallies
    assert found.stock.disagreeing == (SKU,)
    assert not found.clean


def test_the_same_order_accepted_twice_counts_once_in_the_outcomes() -> None:
    found = Ledgers().fulfil().audit(order(), order(), stories={"o1": "fulfilled"})
    assert found.clean
    assert sum(found.outcome_counts().values()) == 1


def test_ledger_rows_may_come_in_any_order() -> None:
    ledgers = Ledgers().roll_back()
    for rows in ledgers.rows.values():
        rows.reverse()
    assert ledgers.audit(stories={"o1": "rolled_back"}).clean


def test_an_unknown_operation_is_an_error() -> None:
    with pytest.raises(ValueError, match="teleport"):
        audit(Evidence((order(),), {"shipping": [Effect(1, "o1", "teleport")]}))


def test_rows_and_bodies_are_read() -> None:
    row = {
        "seq": 3,
        "order_id": "o1",
        "operation": "reserve",
        "amount_cents": 0,
        "lines": [{"sku": "A", "quantity": 2}],
    }
    assert effect_of(row) == Effect(3, "o1", "reserve", 0, (("A", 2),))
    body = {"order_id": "o1", "total_cents": 10, "lines": [{"sku": "A", "quantity": 2, "unit_price_cents": 5}]}
    assert accepted_order(body) == AcceptedOrder("o1", 10, (("A", 2, 5),))


def test_json_names_counts_and_conservation() -> None:
    told = Ledgers().do("charge").audit(stories={"o1": "failed"}).to_json()
    assert told["orders"] == 1
    assert told["outcomes"] == {"fulfilled": 0, "rolled_back": 0, "open": 1}
    assert told["anomalies"] == {"charged_not_shipped": 1}
    assert told["anomaly_orders"]["charged_not_shipped"]["first"] == "o1"
    assert told["money"]["conserved"] is False
    assert told["clean"] is False


def test_thirty_thousand_orders_are_judged_quickly() -> None:
    count = 30_000
    orders = [order(f"o{number}") for number in range(count)]
    steps = {"payment": "charge", "warehouse": "reserve", "shipping": "print_label"}
    effects = {
        service: [
            Effect(number + 1, f"o{number}", step, TOTAL, ((SKU, 2),) if step == "reserve" else ())
            for number in range(count)
        ]
        for service, step in steps.items()
    }
    stock = {SKU: StockLevel(3 * count, count)}
    started = time.process_time()
    found = audit(Evidence(orders, effects, stock, (), dict.fromkeys((o.order_id for o in orders), "fulfilled")))
    assert found.clean
    assert time.process_time() - started < 2.0  # under one second where nothing else shares the processor
