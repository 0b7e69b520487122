"""Orders of all lanes, side by side, and the filters that a person asks for. It reads; it decides nothing."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.accepted import order_body
from lab.console.backend import Backend, LaneBackend
from lab.console.feed import Feed
from lab.console.orders.moments import is_retrying
from lab.errors import BadInput, LabError, Refused
from lab.story import instant
from services.settings import Settings
from services.trail import OrderStatus

LISTED: Final = 200  # of each lane
READ_AT_MOST: Final = 100  # trails, where a filter needs them
AT_ONCE: Final = 8
PERSON: Final = (OrderStatus.WAITING_FOR_APPROVAL, OrderStatus.PARKED)
ANY: Final = "all"
FILTERS: Final = {
    ANY: "every order",
    "stuck": "no end although it is long since it was placed, and nobody is asked",
    "retrying": "the last try of a step failed, and the next is to come",
    "undoing": "what was done is being undone",
    "waiting for a person": "a manager must decide, or somebody must put something right",
    "inconsistent": "the books are wrong now",
}


@dataclass(frozen=True)
class Found:
    """One order; ``views`` by lane."""

    order_id: str
    views: Mapping[str, Mapping[str, Any]]

    @property
    def accepted_at(self) -> str:
        return min(str(view["accepted_at"]) for view in self.views.values())


async def find(
    backend: Backend, feed: Feed, which: str, status: str | None, text: str, time_scale: float
) -> list[Found]:
    """Newest first. ``text``: a part of an order's id, or a customer's id. Raises ``OutOfReach``."""
    lanes = list(backend.lanes.values())
    listed = await asyncio.gather(*(_listed(lane, feed, which, status, time_scale) for lane in lanes))
    views: dict[str, dict[str, Mapping[str, Any]]] = {}
    for lane, found in zip(lanes, listed, strict=True):
        for view in found:
            views.setdefault(str(view["order_id"]), {})[lane.name] = view
    orders = [Found(order_id, by_lane) for order_id, by_lane in views.items()]
    if text:
        orders = await _with_text(backend, orders, text.strip())
        if not orders and which == ANY:
            orders = await _of_id(lanes, text.strip(), status)
    return sorted(orders, key=lambda order: order.accepted_at, reverse=True)


async def _listed(
    lane: LaneBackend, feed: Feed, which: str, status: str | None, time_scale: float
) -> list[dict[str, Any]]:
    match which:
        case "inconsistent":
            wrong = [each.order_id for each in feed.look()[lane.name].now.named]
            return await _views(lane, wrong)
        case "undoing":
            found = await lane.orders(OrderStatus.UNDOING, LISTED)
        case "waiting for a person":
            found = [view for each in PERSON for view in await lane.orders(each, LISTED)]
        case "stuck":
            quiet_s = Settings.model_construct(time_scale=time_scale).quiet_after_s
            found = [view for view in await lane.orders(OrderStatus.IN_PROGRESS, LISTED) if _age_s(view) > quiet_s]
        case "retrying":
            under_way = [
                *await lane.orders(OrderStatus.IN_PROGRESS, LISTED),
                *await lane.orders(OrderStatus.UNDOING, LISTED),
            ]
            found = await _retrying(lane, under_way)
        case _:
            return await lane.orders(status, LISTED)
    return [view for view in found if status is None or view["status"] == status]


def _age_s(view: Mapping[str, Any]) -> float:
    return time.time() - instant(str(view["accepted_at"]))


async def _retrying(lane: LaneBackend, views: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = views[:READ_AT_MOST]
    trails = await _each(lane, [str(view["order_id"]) for view in asked])
    return [view for view, trail in zip(asked, trails, strict=True) if trail is not None and is_retrying(trail)]


async def _views(lane: LaneBackend, order_ids: Iterable[str]) -> list[dict[str, Any]]:
    return [dict(await lane.view(order_id)) for order_id in order_ids]


async def _each(lane: LaneBackend, order_ids: list[str]) -> list[Mapping[str, Any] | None]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(order_id: str) -> Mapping[str, Any] | None:
        async with gate:
            try:
                return dict(await lane.trail(order_id))
            except LabError:
                return None

    return list(await asyncio.gather(*(ask(order_id) for order_id in order_ids)))


async def _of_id(lanes: Iterable[LaneBackend], text: str, status: str | None) -> list[Found]:
    """An order too old to be among those that were listed."""
    found: dict[str, Mapping[str, Any]] = {}
    for lane in lanes:
        try:
            found[lane.name] = await lane.view(text)
        except (BadInput, Refused):  # this lane knows none of this id
            continue
    views = {name: view for name, view in found.items() if status is None or view["status"] == status}
    return [Found(text, views)] if views else []


async def _with_text(backend: Backend, orders: list[Found], text: str) -> list[Found]:
    """By id among all that were listed, and by customer among the newest of them."""
    by_id = [order for order in orders if text in order.order_id]
    if by_id:
        return by_id
    newest = sorted(orders, key=lambda order: order.accepted_at, reverse=True)[:READ_AT_MOST]
    found = []
    for name, lane in backend.lanes.items():
        asked = [order for order in newest if name in order.views and order not in found]
        trails = await _each(lane, [order.order_id for order in asked])
        bodies = [order_body(trail) if trail is not None else None for trail in trails]
        found += [order for order, body in zip(asked, bodies, strict=True) if body and body["customer_id"] == text]
    return found
