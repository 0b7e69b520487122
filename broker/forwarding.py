"""What a consumer makes of a stream's messages is handed to somebody outside; a message is done when that was taken.

Where the taker is away, the messages wait in the stream, and nothing else does. Must not know what is handed on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import nats.errors
import orjson
from nats.aio.client import Client

from broker.connection import raise_if_cancelled
from broker.errors import BrokerError
from broker.pull import Delivery
from broker.windows import WindowedPuller

log = logging.getLogger(__name__)

WINDOW_S: Final = 0.2
BACK_OFF_S: Final = 1.0
REQUEST_TIMEOUT_S: Final = 5.0

Item = TypeVar("Item")
Found = TypeVar("Found")


class Forwarder(Generic[Item]):
    """``consumer`` is made here, once: it keeps its place over restarts, by its ``durable_name``.

    ``make`` says what a message is worth; it must not raise for one that it cannot read. ``take`` blocks, is called in
    a thread, and says whether it has taken everything. ``most``: messages a call of it.
    """

    def __init__(
        self,
        client: Client,
        stream: str,
        consumer: Mapping[str, Any],
        make: Callable[[Delivery], Awaitable[Sequence[Item]]],
        take: Callable[[Sequence[Item]], bool],
        *,
        most: int,
    ) -> None:
        self._client, self._stream, self._consumer = client, stream, consumer
        self._make, self._take = make, take
        self._puller = WindowedPuller(client, stream, consumer["durable_name"], most=most, window_s=WINDOW_S)
        self.following = False

    async def run(self) -> None:
        """Runs until ``stop()`` or cancelled."""
        await self._begin()
        self.following = True
        async for batch in self._puller.batches():
            items = [item for delivery in batch for item in await self._make(delivery)]
            if items:
                await self._handed_on(items, batch)
            for delivery in batch:
                await delivery.ack()

    async def stop(self) -> None:
        await self._puller.stop()

    async def _begin(self) -> None:
        name = self._consumer["durable_name"]
        subject = f"$JS.API.CONSUMER.CREATE.{self._stream}.{name}"
        body = orjson.dumps({"stream_name": self._stream, "config": self._consumer})
        while True:
            raise_if_cancelled()
            try:
                answer = orjson.loads((await self._client.request(subject, body, timeout=REQUEST_TIMEOUT_S)).data)
                if "error" not in answer:
                    return
                log.warning("%s: %s", name, answer["error"].get("description"))
            except (TimeoutError, nats.errors.Error, OSError) as error:
                log.warning("%s: %s: %s", name, type(error).__name__, error)
            await asyncio.sleep(BACK_OFF_S)

    async def _handed_on(self, items: Sequence[Item], batch: Sequence[Delivery]) -> None:
        while not await asyncio.to_thread(self._take, items):
            for delivery in batch:
                await delivery.in_progress()
            await asyncio.sleep(BACK_OFF_S)


async def however_long(read: Callable[[], Awaitable[Found]]) -> Found:
    """What ``read`` gives, as soon as the broker can be reached."""
    while True:
        raise_if_cancelled()
        try:
            return await read()
        except BrokerError as error:
            log.warning("%s", error)
            await asyncio.sleep(BACK_OFF_S)
