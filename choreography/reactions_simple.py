"""Simple reactions by pattern: notification, loyalty points, analytics. Each subscribes; nobody else was changed.

They change nothing that the order depends on. What they made is kept in memory and made again from the stream at every
start; each counts an event once, however often it is delivered.
"""

import asyncio
import logging
from collections import Counter, deque
from typing import Any, Final, Protocol

from nats.aio.client import Client

from broker.errors import NotStored
from broker.pull import Puller
from broker.read import all_of
from choreography.broker_setup import ORDERS, PATTERNS
from choreography.cloud_events import Event, parse
from choreography.errors import Malformed
from choreography.events import Body, EventType, LabelVoided

log = logging.getLogger(__name__)

BATCH: Final = 200
BACK_OFF_S: Final = 1.0
KEPT: Final = 20
CENTS_A_POINT: Final = 100
PAUSE_S: Final = 0.25  # nobody waits for these: let messages gather


class SimpleReaction(Protocol):
    """Hears an event any number of times; what it has made is JSON."""

    def hear(self, event: Event) -> None: ...

    def made(self) -> dict[str, Any]: ...


class Notification:
    """Tells the customer how it ended."""

    def __init__(self) -> None:
        self._told: set[tuple[str, EventType]] = set()
        self._latest: deque[dict[str, str]] = deque(maxlen=KEPT)

    def hear(self, event: Event) -> None:
        if (event.order_id, event.type) in self._told or not isinstance(event.body, Body):
            return
        self._told.add((event.order_id, event.type))
        text = "is on its way" if event.type is EventType.LABEL_PRINTED else "was cancelled; nothing is charged"
        customer = event.body.order.customer_id
        self._latest.append({"to": customer, "text": f"Your order {event.order_id} {text}."})

    def made(self) -> dict[str, Any]:
        return {"sent": len(self._told), "latest": list(self._latest)}


class Loyalty:
    """A point for each whole currency unit of an order that ships; taken back when its label is voided."""

    def __init__(self) -> None:
        self._shipped: dict[str, tuple[str, int]] = {}  # order id -> customer, points
        self._voided: set[str] = set()

    def hear(self, event: Event) -> None:
        if isinstance(event.body, LabelVoided):
            self._voided.add(event.order_id)
        elif isinstance(event.body, Body):
            order = event.body.order
            self._shipped[event.order_id] = (order.customer_id, order.total_cents // CENTS_A_POINT)

    def made(self) -> dict[str, Any]:
        points: Counter[str] = Counter()
        for order_id, (customer, earned) in self._shipped.items():
            if order_id not in self._voided:
                points[customer] += earned
        return {"customers": len(points), "points": points.total(), "top": dict(points.most_common(KEPT))}


class Analytics:
    """How many orders came, how they ended, and what they were worth."""

    def __init__(self) -> None:
        self._heard: set[tuple[str, EventType]] = set()
        self._counts: Counter[str] = Counter()
        self._cents: Counter[str] = Counter()

    def hear(self, event: Event) -> None:
        if (event.order_id, event.type) in self._heard or not isinstance(event.body, Body):
            return
        self._heard.add((event.order_id, event.type))
        self._counts[event.type.value] += 1
        self._cents[event.type.value] += event.body.order.total_cents

    def made(self) -> dict[str, Any]:
        return {type_: {"orders": n, "cents": self._cents[type_]} for type_, n in sorted(self._counts.items())}


class Pattern:
    """Runs one simple reaction on its own durable consumer."""

    def __init__(self, client: Client, name: str, reaction: SimpleReaction) -> None:
        self._client = client
        self._name = name
        self._reaction = reaction
        self._puller = Puller(client, ORDERS, name, batch=BATCH)

    async def run(self) -> None:
        """Runs until cancelled."""
        for subject in PATTERNS[self._name]:
            await self._catch_up(subject)
        async for batch in self._puller.batches():
            for delivery in batch:
                self._hear(delivery.subject, delivery.headers, delivery.body)
                await delivery.ack()
            await asyncio.sleep(PAUSE_S)

    async def _catch_up(self, subject: str) -> None:
        start = 1
        while True:
            try:
                records = await all_of(self._client, ORDERS, subject, start=start, limit=BATCH)
            except NotStored as error:
                log.warning("%s, reading the past: %s", self._name, error)
                await asyncio.sleep(BACK_OFF_S)
                continue
            for record in records:
                self._hear(record.subject, record.headers, record.body)
            if len(records) < BATCH:
                return
            start = records[-1].sequence + 1

    def _hear(self, subject: str, headers: dict[str, str], body: bytes) -> None:
        try:
            self._reaction.hear(parse(subject, headers, body))
        except Malformed as error:
            log.warning("%s passes over %s: %s", self._name, subject, error)


class SimpleReactions:
    """All three, as the watch process runs them."""

    def __init__(self, client: Client) -> None:
        self._by_pattern: dict[str, SimpleReaction] = {
            "notification": Notification(),
            "loyalty": Loyalty(),
            "analytics": Analytics(),
        }
        self._patterns = [Pattern(client, name, reaction) for name, reaction in self._by_pattern.items()]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for pattern in self._patterns:
                tasks.create_task(pattern.run(), name="pattern")

    def made(self) -> dict[str, Any]:
        return {name: reaction.made() for name, reaction in self._by_pattern.items()}
