"""A run on a lab that was used before is judged by its own orders alone."""

import pytest

from lab.auditor import Effect, StockLevel
from lab.errors import BadInput
from lab.target.before import Before
from lab.trial import LaneRun
from services.operations import Service


def effect(seq: int, operation: str, order_id: str, quantity: int) -> Effect:
    return Effect(seq, order_id, operation, lines=(("sku-1", quantity),))


def used() -> tuple[Before, LaneRun]:
    """Two reservations before, one of them released; one reservation since."""
    effects = [effect(1, "reserve", "old-1", 2), effect(2, "reserve", "old-2", 3), effect(3, "release", "old-2", 3)]
    effects.append(effect(4, "reserve", "new", 5))
    rows = [{"seq": each.seq, "order_id": each.order_id} for each in effects]
    empty: dict[Service, list[dict[str, object]]] = {Service.PAYMENT: [], Service.SHIPPING: []}
    run = LaneRun("choreography")
    run.stock = {"sku-1": StockLevel(100, 93)}
    for service in Service:
        run.effects[service] = effects if service is Service.WAREHOUSE else []
        run.ledgers[service] = rows if service is Service.WAREHOUSE else []
        run.injected[service] = [{"order_id": "old-1"}, {"order_id": "new"}] if service is Service.PAYMENT else []
    before = Before(
        {**empty, Service.WAREHOUSE: rows[:3]},
        {Service.PAYMENT: 1, Service.WAREHOUSE: 0, Service.SHIPPING: 0},
    )
    return before, run


def test_what_was_done_before_is_not_judged_again() -> None:
    before, run = used()
    before.set_aside(run)
    assert [each.order_id for each in run.effects[Service.WAREHOUSE]] == ["new"]
    assert [row["order_id"] for row in run.ledgers[Service.WAREHOUSE]] == ["new"]
    assert run.injected[Service.PAYMENT] == [{"order_id": "new"}]


def test_what_earlier_orders_hold_counts_as_never_offered() -> None:
    before, run = used()
    before.set_aside(run)
    assert run.stock == {"sku-1": StockLevel(98, 93)}


def test_an_order_that_was_placed_before_is_refused_with_advice() -> None:
    before, _ = used()
    before.must_not_know(["new"])
    with pytest.raises(BadInput, match=r"old-2.*--seed"):
        before.must_not_know(["new", "old-2"])
