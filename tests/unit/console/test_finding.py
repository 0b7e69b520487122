"""An order is found by its id however old it is, also where the lanes list only their newest."""

from typing import Any

from lab.console.orders.finding import find
from lab.errors import BadInput


class Lane:
    """A lane whose list holds none of its orders any more."""

    def __init__(self, name: str, orders: dict[str, dict[str, Any]]) -> None:
        self.name, self._orders = name, orders

    async def orders(self, status: str | None, limit: int) -> list[dict[str, Any]]:
        return []

    async def view(self, order_id: str) -> dict[str, Any]:
        if order_id not in self._orders:
            raise BadInput(f"{self.name} knows no order {order_id}")
        return self._orders[order_id]


class Backend:
    def __init__(self, *lanes: Lane) -> None:
        self.lanes = {lane.name: lane for lane in lanes}


OLD = {"order_id": "old-1", "status": "fulfilled", "accepted_at": "2026-01-01T00:00:00Z"}


async def test_an_old_order_is_found_by_its_whole_id_in_the_lanes_that_know_it() -> None:
    backend = Backend(Lane("one", {"old-1": OLD}), Lane("other", {}))
    (found,) = await find(backend, None, "all", None, " old-1 ", 1.0)
    assert (found.order_id, dict(found.views)) == ("old-1", {"one": OLD})


async def test_a_filter_and_a_status_hold_for_it_too() -> None:
    backend = Backend(Lane("one", {"old-1": OLD}))
    assert await find(backend, None, "all", "failed", "old-1", 1.0) == []
    assert await find(backend, None, "undoing", None, "old-1", 1.0) == []
