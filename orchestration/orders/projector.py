"""Feeds the read model from the stream, for as long as the door runs.

The model is kept in memory and built at each start from the last record of every subject. It must miss none and see
them in order. Records may be handed to a connection that has died, and acknowledging a later one acknowledges those
unseen; so a gap in the consumer's own count, like a record that comes again, means: build it anew from the stream.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import nats.errors
import orjson
from nats.aio.client import Client

from broker.pull import Delivery, Puller
from orchestration.broker_setup import READ_MODEL, read_model_consumer
from orchestration.errors import Unreadable
from orchestration.orders.read_model import ReadModel, Row
from orchestration.runtime import records

log = logging.getLogger(__name__)

BATCH: Final = 500
BACK_OFF_S: Final = 1.0
REQUEST_TIMEOUT_S: Final = 5.0


class Projector:
    """``model`` is None until the first build is complete.

    ``on_change`` gets the row of each live change; None where a rebuilt model takes the place of the old one.
    """

    def __init__(self, client: Client, lane: str, on_change: Callable[[ReadModel, Row | None], None]) -> None:
        self._client = client
        self._lane = lane
        self._on_change = on_change
        self._puller: Puller | None = None
        self._stopped = asyncio.Event()
        self.model: ReadModel | None = None

    async def run(self) -> None:
        """Build and follow, again and again, until ``stop()``."""
        while not self._stopped.is_set():
            try:
                behind = await self._reset()
            except (TimeoutError, nats.errors.Error, OSError) as error:
                log.debug("read model: %s: %s", type(error).__name__, error)
                behind = None
            if behind is None:
                await self._pause()
                continue
            await self._follow(ReadModel(self._lane), complete=behind == 0)

    async def stop(self) -> None:
        self._stopped.set()
        if self._puller is not None:
            await self._puller.stop()

    async def _follow(self, model: ReadModel, *, complete: bool) -> None:
        """Returns when the model must be built anew, or at the end."""
        if complete:
            self._publish(model)
        self._puller = Puller(self._client, records.STREAM, READ_MODEL, batch=BATCH)
        seen = 0
        try:
            async for batch in self._puller.batches():
                if not _unbroken(batch, seen):
                    log.info("read model: records were missed or came again, building it anew")
                    return
                seen += len(batch)
                for delivery in batch:
                    self._apply(model, delivery)
                await batch[-1].ack()
                if batch[-1].pending == 0:
                    self._publish(model)
        finally:
            await self._puller.stop()

    def _apply(self, model: ReadModel, delivery: Delivery) -> None:
        try:
            row = model.apply(delivery.subject, delivery.stream_sequence, delivery.at, delivery.body)
        except Unreadable as error:
            # The conductors set it apart and say so; here it just is no order.
            log.warning("read model: %s: %s", delivery.subject, error)
            return
        if row is not None and model is self.model:
            self._on_change(model, row)

    def _publish(self, model: ReadModel) -> None:
        if model is not self.model:
            self.model = model
            self._on_change(model, None)

    async def _reset(self) -> int | None:
        """A fresh consumer; how many records it is behind."""
        await self._call("DELETE", {})
        answer = await self._call("CREATE", {"stream_name": records.STREAM, "config": read_model_consumer()})
        if "error" in answer:
            log.warning("read model: %s", answer["error"].get("description"))
            return None
        return int(answer["num_pending"])

    async def _call(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        subject = f"$JS.API.CONSUMER.{verb}.{records.STREAM}.{READ_MODEL}"
        message = await self._client.request(subject, orjson.dumps(body), timeout=REQUEST_TIMEOUT_S)
        answer: dict[str, Any] = orjson.loads(message.data)
        return answer

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), BACK_OFF_S)
        except TimeoutError:
            return


def _unbroken(batch: Sequence[Delivery], seen: int) -> bool:
    """Are these the consumer's next deliveries after its first ``seen`` ones, each for the first time?"""
    return all(
        delivery.consumer_sequence == number and delivery.delivered == 1
        for number, delivery in enumerate(batch, seen + 1)
    )
