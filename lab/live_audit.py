"""Judging a running lab: reads a lane's orders, ledgers and stories over HTTP, and lets the auditor judge them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from lab.accepted import accepted_orders, known_ids
from lab.auditor import Audit, Evidence, audit
from lab.collect import LaneAddress, LaneReader
from lab.lane_client import LaneClient
from services.operations import Service
from services.trail import ENDED, OrderStatus

# As many as a front door lists at once.
PAGE: Final = 1000
OPEN: Final = tuple(status for status in OrderStatus if status not in ENDED)


@dataclass(frozen=True)
class LiveAudit:
    """``untold``: orders left out of the evidence, since their trail holds no order."""

    found: Audit
    untold: list[str]


# What the verdict cannot say, as it has no list of its own.
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
        # Orders first, ledgers after them: an order that is placed meanwhile may show as a phantom, never as lost.
        ids = known_ids(open_orders(client), await reader.outcomes())
        orders, untold = accepted_orders(await reader.trails(ids))
        effects = {str(service): await reader.effects(service) for service in Service}
        stock = await reader.stock()
        stories = await reader.stories(ids) if ask_stories else None
    return LiveAudit(audit(Evidence(orders, effects, stock=stock, stories=stories)), untold)
