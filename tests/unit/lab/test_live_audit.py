"""Reading a running lab's open orders: all of them, however many."""

from typing import cast

import pytest

from lab import live_audit
from lab.lane_client import LaneClient
from lab.live_audit import REMEMBERED, open_orders
from services.trail import OrderStatus, OrderView


class ToldClient:
    """A front door with so many orders of a status, newest first."""

    def __init__(self, **counts: int) -> None:
        self.counts = counts

    def orders(self, status: str | None, limit: int, skip: int = 0) -> list[OrderView]:
        assert status is not None
        ids = [f"{status}-{n}" for n in range(self.counts.get(status, 0))]
        return [
            OrderView(order_id=each, lane="a lane", status=OrderStatus(status), accepted_at="2026")
            for each in ids[skip : skip + limit]
        ]


def test_open_orders_are_read_page_after_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_audit, "PAGE", 3)
    client = ToldClient(in_progress=7, waiting_for_approval=3, parked=1, fulfilled=5)
    ids = [view["order_id"] for view in open_orders(cast("LaneClient", client))]
    assert len(ids) == len(set(ids)) == 11
    assert "in_progress-6" in ids
    assert not any(order_id.startswith("fulfilled") for order_id in ids)


def test_it_is_said_that_a_lost_order_cannot_be_found_here() -> None:
    assert "`lost` cannot be found here" in REMEMBERED
