"""Judging a running lab: reads a lane's orders, ledgers and stories over HTTP, and lets the auditor judge them."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import aiohttp

from lab.accepted import accepted_orders, known_ids
from lab.auditor import Audit, Effect, Evidence, StockLevel, audit
from lab.auditor.books import fold
from lab.collect import LaneAddress, LaneReader
from lab.lane_client import LaneClient
from lab.story import instant
from services.operations import Service
from services.settings import Settings
from services.trail import ENDED, OrderStatus

# As many as a front door lists at once.
PAGE: Final = 1000
OPEN: Final = tuple(status for status in OrderStatus if status not in ENDED)
MOVING: Final = frozenset({OrderStatus.IN_PROGRESS, OrderStatus.UNDOING})
STOCK_TRIES: Final = 5


@dataclass(frozen=True)
class LiveAudit:
    """``untold``: orders left out of the evidence, since their trail holds no order. ``under_way``: orders left out
    since they are still moving or wait for a manager, with their status.
    """

    found: Audit
    untold: list[str]
    under_way: dict[str, OrderStatus] = field(default_factory=dict)


# Said beside every verdict: a running lab has no list of its own of what was placed.
REMEMBERED: Final = (
    "Accepted orders are those that the lane itself remembers, so `lost` cannot be found here;"
    " the demo and the experiments keep their own list."
)


def open_orders(client: LaneClient) -> list[dict[str, Any]]:
    """Every order without an outcome, page after page. One that ends meanwhile is among the outcomes, asked later."""
    views: list[dict[str, Any]] = []
    for status in OPEN:
        skip = 0
        while page := client.orders(status, PAGE, skip):
            views += [view.model_dump(mode="json") for view in page]
            skip += len(page)
            if len(page) < PAGE:
                break
    return views


async def audit_lane(client: LaneClient, urls: Mapping[str, str], *, ask_stories: bool = True) -> LiveAudit:
    """Raises ``OutOfReach`` when a process of the lane gives no answer for some seconds."""
    async with aiohttp.ClientSession() as session:
        reader = LaneReader(LaneAddress(client.lane, urls, client.token), session)
        # Orders first, ledgers after them: an order that is placed meanwhile is a stranger, never lost.
        views = open_orders(client)
        ids = known_ids(views, await reader.outcomes())
        trails = await reader.trails(ids)
        orders, untold = accepted_orders(trails)
        effects, stock = await _ledgers(reader)
        moving = moving_orders(views, trails, time.time(), _quiet_after_s(client))
        moving |= await _placed_meanwhile(reader, effects, ids)
        stories = await reader.stories(ids) if ask_stories else None
    evidence = set_aside(Evidence(orders, effects, stock=stock, stories=stories), moving.keys())
    return LiveAudit(audit(evidence), untold, moving)


async def _ledgers(reader: LaneReader) -> tuple[dict[str, list[Effect]], dict[str, StockLevel]]:
    """The stock as it was at the end of the ledger, unless orders come faster than it can be read."""
    effects = {str(service): await reader.effects(service) for service in Service}
    for _ in range(STOCK_TRIES):
        stock = await reader.stock()
        known = effects[Service.WAREHOUSE]
        fresh = await reader.effects(Service.WAREHOUSE, known[-1].seq if known else 0)
        if not fresh:
            break
        known += fresh
    return effects, stock


async def _placed_meanwhile(
    reader: LaneReader, effects: Mapping[str, Iterable[Effect]], ids: Iterable[str]
) -> dict[str, OrderStatus]:
    """Orders in the ledgers that were not listed a moment ago, but that the lane knows now."""
    strangers = {effect.order_id for ledger in effects.values() for effect in ledger} - set(ids)
    told = await reader.stories(sorted(strangers))
    return {order_id: OrderStatus(status) for order_id, status in told.items() if status is not None}


def _quiet_after_s(client: LaneClient) -> float:
    return Settings.model_construct(time_scale=client.lab.status["time_scale"]).quiet_after_s


def moving_orders(
    views: Iterable[Mapping[str, Any]],
    trails: Mapping[str, Mapping[str, Any] | None],
    now_s: float,
    quiet_after_s: float,
) -> dict[str, OrderStatus]:
    """Orders that nobody can blame a lane for: those that wait for a manager, and those that had news lately.

    One without news for ``quiet_after_s`` is taken for stuck, and so is one that waits to be put right by a person.
    """
    statuses = {str(view["order_id"]): OrderStatus(view["status"]) for view in views}
    return {
        order_id: status
        for order_id, status in statuses.items()
        if status is OrderStatus.WAITING_FOR_APPROVAL
        or (status in MOVING and now_s - _last_news_s(trails.get(order_id)) < quiet_after_s)
    }


def _last_news_s(trail: Mapping[str, Any] | None) -> float:
    return max((instant(entry["at"]) for entry in trail["entries"]), default=0.0) if trail is not None else 0.0


def set_aside(evidence: Evidence, order_ids: Collection[str]) -> Evidence:
    """The same evidence as if these orders had never been: without their effects, their pieces back on the shelf."""
    aside = {
        service: [effect for effect in effects if effect.order_id in order_ids]
        for service, effects in evidence.effects.items()
    }
    held: Counter[str] = Counter()
    for books in fold(aside, {}).values():
        held.update(books.pieces)
    return replace(
        evidence,
        accepted=[order for order in evidence.accepted if order.order_id not in order_ids],
        effects={
            service: [effect for effect in effects if effect.order_id not in order_ids]
            for service, effects in evidence.effects.items()
        },
        stock={sku: level._replace(available=level.available + held[sku]) for sku, level in evidence.stock.items()},
    )
