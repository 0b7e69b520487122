"""The stream as an archive: one order's events, and the past played to a subscriber that was not there.

The new subscriber is a real consumer of the stream: it gets what was stored from an instant on, at its own pace, and
nobody else hears anything again. It goes when it has caught up.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import nats.errors
import orjson
from nats.aio.client import Client

from broker.errors import BrokerError, NotStored
from broker.provision import provision
from broker.pull import Delivery, Puller
from broker.read import few_of, last
from choreography.broker_setup import ORDERS, PATTERNS
from choreography.cloud_events import parse
from choreography.errors import Malformed
from choreography.reactions_simple import Analytics, Loyalty, Notification, SimpleReaction
from lab.console.bus.heard import Heard, heard
from lab.errors import OutOfReach

BATCH: Final = 200
TELL_EVERY_S: Final = 0.25
GONE_AFTER_S: Final = 30
NANOSECONDS: Final = 1_000_000_000
REQUEST_WITHIN_S: Final = 5.0

SUBSCRIBERS: Final[dict[str, Callable[[], SimpleReaction]]] = {
    "loyalty": Loyalty,
    "analytics": Analytics,
    "notification": Notification,
}


@dataclass(frozen=True)
class Replayed:
    """How far a replay is, and what the subscriber has made of it so far."""

    consumer: str
    events: int
    unreadable: int
    left: int
    seconds: float
    made: dict[str, Any]

    @property
    def done(self) -> bool:
        return self.left == 0


async def events_of(client: Client, order_id: str) -> list[Heard]:
    """Raises ``OutOfReach``."""
    try:
        return [heard(each) for each in await few_of(client, ORDERS, f"orders.{order_id}.>")]
    except BrokerError as error:
        raise OutOfReach(str(error)) from error


async def newest_of(client: Client, order_id: str) -> int:
    """The number of its newest event; 0: there is none. Raises ``OutOfReach``."""
    try:
        newest = await last(client, ORDERS, f"orders.{order_id}.>")
    except BrokerError as error:
        raise OutOfReach(str(error)) from error
    return newest.sequence if newest is not None else 0


async def replay_into(client: Client, subscriber: str, since: datetime | None) -> AsyncIterator[Replayed]:
    """Play what a copy of ``subscriber`` subscribes to; ends when it has caught up. Raises ``OutOfReach``."""
    reaction = SUBSCRIBERS[subscriber]()
    started, events, unreadable, told_at = time.monotonic(), 0, 0, 0.0

    def state(left: int) -> Replayed:
        return Replayed(name, events, unreadable, left, time.monotonic() - started, reaction.made())

    try:
        async with _consumer(client, PATTERNS[subscriber], since) as (name, waiting):
            yield state(waiting)
            if waiting == 0:
                return
            async for batch in Puller(client, ORDERS, name, batch=BATCH).batches():
                for delivery in batch:
                    events += 1
                    unreadable += not _hear(reaction, delivery)
                await batch[-1].ack()
                left = batch[-1].pending
                if left == 0 or time.monotonic() - told_at > TELL_EVERY_S:
                    told_at = time.monotonic()
                    yield state(left)
                if left == 0:
                    return
                await asyncio.sleep(0)
    except BrokerError as error:
        raise OutOfReach(str(error)) from error


@asynccontextmanager
async def _consumer(
    client: Client, subjects: tuple[str, ...], since: datetime | None
) -> AsyncIterator[tuple[str, int]]:
    """A consumer of its own, and how many messages wait for it. The server removes it if we cannot."""
    name = f"archive-{uuid.uuid4().hex[:12]}"
    config: dict[str, Any] = {
        "durable_name": name,
        "deliver_policy": "all" if since is None else "by_start_time",
        "ack_policy": "all",
        "max_ack_pending": -1,
        "filter_subjects": list(subjects),
        "inactive_threshold": GONE_AFTER_S * NANOSECONDS,
        "mem_storage": True,
        "num_replicas": 1,
    }
    if since is not None:
        config["opt_start_time"] = since.astimezone(UTC).isoformat().replace("+00:00", "Z")
    await provision(client, (), ((ORDERS, config),))
    try:
        found = await _ask(client, f"CONSUMER.INFO.{ORDERS}.{name}")
        yield name, int(found.get("num_pending", 0))
    finally:
        with suppress(BrokerError):
            await _ask(client, f"CONSUMER.DELETE.{ORDERS}.{name}")


async def _ask(client: Client, what: str) -> dict[str, Any]:
    try:
        answer = await client.request(f"$JS.API.{what}", b"", timeout=REQUEST_WITHIN_S)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"{what}: {type(error).__name__}: {error}") from error
    content: dict[str, Any] = orjson.loads(answer.data)
    return content


def _hear(reaction: SimpleReaction, delivery: Delivery) -> bool:
    try:
        reaction.hear(parse(delivery.subject, delivery.headers, delivery.body))
    except Malformed:
        return False
    return True
