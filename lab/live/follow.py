"""Following one lane: reads what is new in its ledgers and outcomes, looks after quiet orders, hands it to the books.

What it costs the lane does not grow with its history: each round reads only what is new. It must not know how a lane
works; every method may raise ``OutOfReach``.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lab.collect import LaneReader
from lab.live.books import Figures, LiveBooks
from lab.live_audit import MOVING, OPEN, moving_orders
from lab.story import instant
from services.operations import Service
from services.trail import OrderStatus

# The door lists its open orders, which takes it longer than telling what is new.
LOOK_EVERY_S: Final = 10.0
# Trails asked for in one look, oldest orders first; quiet orders beyond are not counted as stuck until later.
TRAILS_AT_ONCE: Final = 100


@dataclass(frozen=True)
class Look:
    """What the front door said of its open orders at the last look."""

    by_status: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, OPEN), 0))
    stuck: int = 0
    oldest_s: float = 0.0  # age of the oldest that does not wait for a manager
    strangers: frozenset[str] = frozenset()


class LaneFollower:
    """``sample()`` again and again; the first one reads everything that there is."""

    def __init__(self, reader: LaneReader, quiet_after_s: float, look_every_s: float = LOOK_EVERY_S) -> None:
        self.look = Look()
        self._reader = reader
        self._quiet_after_s = quiet_after_s
        self._look_every_s = look_every_s
        self._looked_at = 0.0
        self._books: LiveBooks | None = None
        self._cursor = 0
        self._read = dict.fromkeys(Service, 0)

    async def sample(self) -> Figures:
        if self._books is None:
            self._books = LiveBooks(await self._reader.stock())
        # Ends first: whatever an ended order did is in the ledgers by now.
        ends = await self._reader.outcomes(self._cursor)
        for service in Service:
            effects = await self._reader.effects(service, self._read[service])
            if effects:
                self._books.hear_effects(effects)
                self._read[service] = effects[-1].seq
        if ends:
            self._books.hear_ends({str(end["order_id"]): str(end["status"]) for end in ends})
            self._cursor = ends[-1]["cursor"]
        if time.monotonic() - self._looked_at >= self._look_every_s:
            self.look = await self._look(self._books)
            self._looked_at = time.monotonic()
        return self._books.figures(stuck=self.look.stuck, strangers=self.look.strangers)

    async def _look(self, books: LiveBooks) -> Look:
        unended = books.unended()
        listed = {str(status): await self._reader.listed(status) for status in OPEN}
        views = {str(view["order_id"]): view for each in listed.values() for view in each}
        now = time.time()
        ages = {
            order_id: now - instant(view["accepted_at"])
            for order_id, view in views.items()
            if OrderStatus(view["status"]) is not OrderStatus.WAITING_FOR_APPROVAL
        }
        told = await self._reader.views(unended - views.keys())
        return Look(
            by_status={status: len(each) for status, each in listed.items()},
            stuck=await self._stuck(views, ages, now),
            oldest_s=max(ages.values(), default=0.0),
            strangers=frozenset(order_id for order_id, view in told.items() if view is None),
        )

    async def _stuck(self, views: Mapping[str, Mapping[str, Any]], ages: Mapping[str, float], now: float) -> int:
        """Orders that wait to be put right by a person, and those without news for too long."""
        parked = sum(1 for view in views.values() if view["status"] == OrderStatus.PARKED)
        old = sorted(
            (order_id for order_id in ages if ages[order_id] >= self._quiet_after_s), key=lambda each: -ages[each]
        )
        asked = [order_id for order_id in old if OrderStatus(views[order_id]["status"]) in MOVING][:TRAILS_AT_ONCE]
        trails = await self._reader.trails(asked)
        moving = moving_orders([views[order_id] for order_id in asked], trails, now, self._quiet_after_s)
        return parked + len(asked) - len(moving)
