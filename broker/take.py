"""Taking one message at a time from a durable pull consumer, for whoever waits a while for it and then goes away.

For reading on and on there is ``broker.pull``. A request that its asker gives up ends with his inbox.
"""

import asyncio
import logging
from typing import Final

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.subscription import Subscription

from broker.connection import after_reconnect
from broker.errors import NotStored
from broker.pull import HEARTBEAT, NANOSECONDS, ORDINARY_ENDS, Delivery, delivery_of

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 5.0
# A broker is silent when two heartbeats are missed.
PATIENCE_S: Final = 2 * HEARTBEAT_S + 1


async def take(client: Client, stream: str, durable: str, within_s: float) -> Delivery | None:
    """The next message, or None when none has come in time. Raises ``NotStored``: no broker or consumer."""
    try:
        subscription = await client.subscribe(client.new_inbox())
    except (nats.errors.Error, OSError) as error:
        raise NotStored(f"taking from {stream}/{durable}: {type(error).__name__}: {error}") from error
    taking = _Taking(client, subscription, f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}", within_s)
    forget = after_reconnect(client, taking.ask)
    try:
        while taking.left_s > 0:
            await taking.ask()
            found = await taking.answer()
            if found is not None:
                return found
        return None
    finally:
        forget()
        await taking.stop()


class _Taking:
    def __init__(self, client: Client, subscription: Subscription, subject: str, within_s: float) -> None:
        self._client = client
        self._subscription = subscription
        self._subject = subject
        self._ends_at = asyncio.get_running_loop().time() + within_s

    @property
    def left_s(self) -> float:
        return self._ends_at - asyncio.get_running_loop().time()

    async def ask(self) -> None:
        """Where the broker is out of reach: asked again when the connection is back."""
        left_s = self.left_s
        body = {"batch": 1, "expires": int(max(left_s, 0.001) * NANOSECONDS)}
        if left_s > 2 * HEARTBEAT_S:
            body["idle_heartbeat"] = int(HEARTBEAT_S * NANOSECONDS)
        try:
            await self._client.publish(self._subject, orjson.dumps(body), reply=self._subscription.subject)
        except (nats.errors.Error, OSError) as error:
            log.debug("broker: cannot ask %s: %s", self._subject, error)

    async def answer(self) -> Delivery | None:
        """None: the request has ended, or the broker is silent."""
        while True:
            try:
                message = await self._subscription.next_msg(timeout=max(0.001, min(self.left_s + 1, PATIENCE_S)))
            except (TimeoutError, nats.errors.TimeoutError):
                return None
            except nats.errors.Error as error:
                raise NotStored(f"{self._subject}: {type(error).__name__}: {error}") from error
            status = (message.headers or {}).get("Status")
            if status is None:
                return delivery_of(message, self._client)
            if status in ORDINARY_ENDS:
                return None
            if status != HEARTBEAT:
                raise NotStored(f"{self._subject}: {dict(message.headers or {})}")

    async def stop(self) -> None:
        try:
            await self._subscription.unsubscribe()
        except (nats.errors.Error, OSError) as error:
            log.debug("broker: unsubscribing %s: %s", self._subject, error)
