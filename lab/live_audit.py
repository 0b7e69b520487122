"""Judging a running lab: reads a lane's orders, ledgers and stories over HTTP, and lets the auditor judge them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp

from lab.accepted import accepted_orders, known_ids
from lab.auditor import Audit, Evidence, audit
from lab.collect import LaneAddress, LaneReader
from lab.lane_client import LaneClient
from services.operations import Service

# As many as a front door lists at once; those that ended are paged through without such a bound.
LISTED: Final = 1000


@dataclass(frozen=True)
class LiveAudit:
    """``untold``: orders left out of the evidence, since their trail holds no order."""

    found: Audit
    untold: list[str]


async def audit_lane(client: LaneClient, urls: Mapping[str, str], *, ask_stories: bool = True) -> LiveAudit:
    """Raises ``OutOfReach`` when a process of the lane gives no answer for some seconds."""
    async with aiohttp.ClientSession() as session:
        reader = LaneReader(LaneAddress(client.lane, urls, client.token), session)
        # Orders first, ledgers after them: an order that is placed meanwhile may show as a phantom, never as lost.
        views = [view.model_dump(mode="json") for view in client.orders(None, LISTED)]
        ids = known_ids(views, await reader.outcomes())
        orders, untold = accepted_orders(await reader.trails(ids))
        effects = {str(service): await reader.effects(service) for service in Service}
        stock = await reader.stock()
        stories = await reader.stories(ids) if ask_stories else None
    return LiveAudit(audit(Evidence(orders, effects, stock=stock, stories=stories)), untold)
