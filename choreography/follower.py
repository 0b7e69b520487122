"""Every message of ORDERS in order, each once, for a read model in memory: what is stored first, then as they come.

The durable consumer is only the bell: what it skips is read from the stream, what it repeats is passed over, so a
restart rebuilds the same model and nothing depends on the consumer's own memory.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from nats.aio.client import Client

from broker.connection import raise_if_cancelled
from broker.errors import NotStored
from broker.pull import Puller
from broker.read import all_of
from choreography.broker_setup import ORDERS
from choreography.clock import epoch_s
from choreography.errors import Malformed
from choreography.status import Told, told

log = logging.getLogger(__name__)

BATCH: Final = 500
BACK_OFF_S: Final = 0.5
PAUSE_S: Final = 0.02

Hear = Callable[[Told, bool], None]
# A message whose subject is none of ours: subject, body, stream sequence.
Odd = Callable[[str, bytes, int], None]


class Follower:
    """``hear`` gets each event and whether it is news (False while the past is read at start).

    ``pause_s``: how long to let messages gather after each batch; many at once cost much less than one at a time.
    """

    def __init__(
        self, client: Client, durable: str, hear: Hear, odd: Odd | None = None, *, pause_s: float = PAUSE_S
    ) -> None:
        self._client = client
        self._hear = hear
        self._odd = odd
        self._pause_s = pause_s
        self._puller = Puller(client, ORDERS, durable, batch=BATCH)
        self._last = 0
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Runs until cancelled."""
        await self._read_on(None, news=False)
        self.caught_up.set()
        async for batch in self._puller.batches():
            for delivery in batch:
                if delivery.stream_sequence > self._last + 1:
                    await self._read_on(delivery.stream_sequence - 1, news=True)
                self._take(delivery.subject, delivery.body, delivery.stream_sequence, delivery.at, news=True)
            await batch[-1].ack()
            await asyncio.sleep(self._pause_s)

    async def _read_on(self, end: int | None, *, news: bool) -> None:
        """From the stream itself, up to sequence ``end`` or all there is."""
        while end is None or self._last < end:
            raise_if_cancelled()
            limit = BATCH if end is None else min(BATCH, end - self._last)
            try:
                records = await all_of(self._client, ORDERS, "orders.>", start=self._last + 1, limit=limit)
            except NotStored as error:
                log.warning("following the orders, the broker is out of reach: %s", error)
                await asyncio.sleep(BACK_OFF_S)
                continue
            for record in records:
                self._take(record.subject, record.body, record.sequence, epoch_s(record.at), news=news)
            if not records:
                return

    def _take(self, subject: str, body: bytes, sequence: int, at: float, *, news: bool) -> None:
        if sequence <= self._last:
            return
        self._last = sequence
        try:
            event = told(subject, body, sequence, at)
        except Malformed:
            if self._odd is not None:
                self._odd(subject, body, sequence)
            return
        self._hear(event, news)
