"""The dead letter of last resort: a message whose every delivery ended in nothing, as when its listener dies of it.

The broker gives such a message up after ``max_deliver`` deliveries and says so on an advisory subject, which a stream
keeps; here the message is parked in its service's name. Its order goes quiet, and the deadline watch has it undone.
"""

import logging
from typing import Final

import orjson
from nats.aio.client import Client

from broker.errors import BrokerError
from broker.pull import Delivery, Puller
from broker.read import all_of
from choreography.broker_setup import ADVISORIES, LAST_RESORT, ORDERS
from choreography.dead_letters import Reason, letter, park
from services import metrics

log = logging.getLogger(__name__)

BATCH: Final = 50
BACK_OFF_S: Final = 5.0


class LastResort:
    def __init__(self, client: Client, lane: str) -> None:
        self._client = client
        self._lane = lane
        self._puller = Puller(client, ADVISORIES, LAST_RESORT, batch=BATCH)
        metrics.expect_dead_letters(lane, (Reason.MAX_DELIVERIES,))

    async def run(self) -> None:
        """Runs until cancelled."""
        async for batch in self._puller.batches():
            for delivery in batch:
                try:
                    await self._take(delivery)
                except BrokerError as error:
                    log.warning("parking a message given up by the broker: %s", error)
                    await delivery.nak(BACK_OFF_S)

    async def _take(self, delivery: Delivery) -> None:
        advisory = orjson.loads(delivery.body)
        sequence, consumer = int(advisory["stream_seq"]), str(advisory["consumer"])
        found = await all_of(self._client, ORDERS, "orders.>", start=sequence, limit=1)
        if found and found[0].sequence == sequence:
            record = found[0]
            message = letter(
                consumer=consumer,
                reason=Reason.MAX_DELIVERIES,
                cause=f"{advisory.get('deliveries')} deliveries to {consumer}, none was ever finished",
                attempts=int(advisory.get("deliveries", 0)),
                subject=record.subject,
                sequence=sequence,
                headers=record.headers,
                body=record.body,
            )
            if await park(self._client, message):
                metrics.dead_letters.labels(self._lane, Reason.MAX_DELIVERIES).inc()
                log.warning(
                    "%s (%d) killed or silenced %s at every delivery: parked", record.subject, sequence, consumer
                )
        await delivery.ack()
