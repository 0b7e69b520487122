"""The live figures as Prometheus metrics, for every lane; beside them when a lane was last read.

A lane that gives no answer keeps its last figures: what was wrong with its books is not mended by its silence.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter, Gauge

from lab.errors import OutOfReach
from lab.live.books import Figures
from lab.live.follow import LaneFollower

log = logging.getLogger(__name__)

anomalies: Final = Gauge("lab_anomalies", "Orders with wrong books now, by kind.", ["lane", "kind"])
violation_seconds: Final = Counter(
    "lab_violation_seconds", "Anomalies integrated over time: order-seconds of wrong books.", ["lane", "kind"]
)
open_books: Final = Gauge("lab_open_books", "Orders whose books are neither fulfilled nor rolled back now.", ["lane"])
at_risk_cents: Final = Gauge("lab_at_risk_cents", "Money charged for what has no live label now.", ["lane"])
open_orders: Final = Gauge(
    "lab_open_orders",
    "Orders without an outcome, as the front door lists them.",
    [
        "lane",
        "status",
    ],
)
oldest_order_seconds: Final = Gauge(
    "lab_oldest_open_order_seconds", "Age of the oldest open order that waits for no manager.", ["lane"]
)
last_read: Final = Gauge("lab_audit_last_success_timestamp_seconds", "When the lane was last read whole.", ["lane"])
failures: Final = Counter("lab_audit_failures", "Samples that a lane gave no answer for.", ["lane"])


class LaneMeter:
    """Takes a lane's samples and keeps its metrics."""

    def __init__(self, lane: str, follower: LaneFollower) -> None:
        self.lane = lane
        self._follower = follower
        self._standing: Mapping[str, int] = {}
        self._since = time.monotonic()
        failures.labels(lane)

    async def run(self, every_s: float) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            await self.once()
            await asyncio.sleep(max(0.0, every_s - (time.monotonic() - began)))

    async def once(self) -> None:
        try:
            figures = await self._follower.sample()
        except OutOfReach as error:
            log.warning("not read now: %s", error)
            failures.labels(self.lane).inc()
            self._integrate()
            return
        self._integrate()
        self._show(figures)
        last_read.labels(self.lane).set(time.time())

    def _integrate(self) -> None:
        """What stood wrong since the last sample, for as long as it did."""
        now = time.monotonic()
        for kind, count in self._standing.items():
            violation_seconds.labels(self.lane, kind).inc(count * (now - self._since))
        self._since = now

    def _show(self, figures: Figures) -> None:
        self._standing = {str(kind): count for kind, count in figures.anomalies.items()}
        for kind, count in self._standing.items():
            anomalies.labels(self.lane, kind).set(count)
            violation_seconds.labels(self.lane, kind)
        open_books.labels(self.lane).set(figures.open_books)
        at_risk_cents.labels(self.lane).set(figures.cents_at_risk)
        look = self._follower.look
        for status, count in look.by_status.items():
            open_orders.labels(self.lane, status).set(count)
        oldest_order_seconds.labels(self.lane).set(look.oldest_s)
