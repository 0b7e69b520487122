"""A new subscriber of the choreography's events: nobody else is changed, restarted, or even told.

A durable consumer of its own: it hears the past first, and when it comes again, only what is new.
"""

from collections.abc import Callable
from typing import Any, Final

import nats.errors
import orjson
from nats.aio.client import Client

from broker.connection import close, connect
from broker.errors import BrokerError, NotStored
from broker.provision import provision
from broker.pull import Puller
from choreography.broker_setup import ORDERS
from choreography.cloud_events import parse
from choreography.errors import Malformed
from choreography.events import Body, EventType
from lab.control.client import RunningLab
from lab.credentials import LAB_USER
from lab.errors import OutOfReach
from lab.topology import BROKER

PREFIX: Final = "workshop-"
HEARS: Final = EventType.LABEL_PRINTED
BATCH: Final = 100
FORGOTTEN_AFTER_NS: Final = 24 * 3600 * 1_000_000_000
CONNECT_WITHIN_S: Final = 5.0


async def listen(lab: RunningLab, name: str, say: Callable[[str], None]) -> int:
    """Says a line for each shipped order that it had not heard of; how many. Raises ``OutOfReach``, ``BadInput``."""
    password = lab.credentials().broker_password("choreography", LAB_USER)
    try:
        client = await connect(
            lab.url("choreography", BROKER),
            user=LAB_USER,
            password=password,
            name=f"{PREFIX}{name}",
            give_up_after_s=CONNECT_WITHIN_S,
        )
        try:
            await provision(client, (), ((ORDERS, _consumer(name)),))
            puller = Puller(client, ORDERS, f"{PREFIX}{name}", batch=BATCH)
            return await _heard(puller, await _waiting(client, name), say)
        finally:
            await close(client)
    except (BrokerError, TimeoutError) as error:
        raise OutOfReach(f"choreography's broker: {error}") from error


def _consumer(name: str) -> dict[str, Any]:
    return {
        "durable_name": f"{PREFIX}{name}",
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "filter_subjects": [f"orders.*.{HEARS.value}"],
        "inactive_threshold": FORGOTTEN_AFTER_NS,
        "num_replicas": 1,
    }


async def _waiting(client: Client, name: str) -> int:
    """How many events are stored that it has not acknowledged."""
    try:
        answer = await client.request(f"$JS.API.CONSUMER.INFO.{ORDERS}.{PREFIX}{name}", b"", timeout=CONNECT_WITHIN_S)
    except (TimeoutError, nats.errors.Error, OSError) as error:
        raise NotStored(f"asking for {PREFIX}{name}: {type(error).__name__}: {error}") from error
    found: dict[str, Any] = orjson.loads(answer.data)
    return int(found.get("num_pending", 0)) + int(found.get("num_ack_pending", 0))


async def _heard(puller: Puller, waiting: int, say: Callable[[str], None]) -> int:
    heard = 0
    if waiting == 0:
        return heard
    async for batch in puller.batches():
        for delivery in batch:
            say(line(delivery.subject, delivery.headers, delivery.body))
            await delivery.ack_sync()
        heard += len(batch)
        if heard >= waiting:
            await puller.stop()
    return heard


def line(subject: str, headers: dict[str, str], body: bytes) -> str:
    """What this subscriber makes of an event."""
    try:
        event = parse(subject, headers, body)
    except Malformed as error:
        return f"passed over {subject}: {error}"
    customer = event.body.order.customer_id if isinstance(event.body, Body) else "somebody"
    return f"{event.order_id} was shipped: a card for {customer}"
