"""Follows the orders and exports the spans of what their events tell, each event at least once, whoever told it.

A message is acknowledged when a collector has taken its spans. Where that is away, it waits here, and nothing else
does: no listener knows of this process. What it remembers of orders is a shortcut; it is read again where missing.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import nats.errors
import orjson
from nats.aio.client import Client

from broker.connection import raise_if_cancelled
from broker.errors import BrokerError
from broker.pull import Delivery
from broker.read import few_of
from broker.windows import WindowedPuller
from choreography.broker_setup import ORDERS, TRACER, tracer_consumer
from choreography.clock import epoch_s
from choreography.cloud_events import Event, parse, trace_of
from choreography.errors import Malformed
from choreography.events import EventType
from choreography.spans import Followed
from telemetry.span import Span

log = logging.getLogger(__name__)

MOST: Final = 1_000  # events an export
WINDOW_S: Final = 0.2
REMEMBERED: Final = 5_000
BACK_OFF_S: Final = 1.0
REQUEST_TIMEOUT_S: Final = 5.0

# True: taken. False: the collector is away.
Export = Callable[[Sequence[Span]], bool]


class Tracer:
    """``samples`` decides by trace id; ``export`` blocks, and is called in a thread."""

    def __init__(self, client: Client, export: Export, samples: Callable[[str], bool]) -> None:
        self._client = client
        self._export = export
        self._samples = samples
        self._known: OrderedDict[str, Followed] = OrderedDict()
        self._puller = WindowedPuller(client, ORDERS, TRACER, most=MOST, window_s=WINDOW_S)
        self.following = False

    async def run(self) -> None:
        """Runs until cancelled."""
        await self._begin()
        self.following = True
        async for batch in self._puller.batches():
            spans = [span for delivery in batch for span in await self._told_by(delivery)]
            if spans:
                await self._exported(spans, batch)
            for delivery in batch:
                await delivery.ack()

    async def _begin(self) -> None:
        """Its consumer is made once, and keeps its place over restarts."""
        subject = f"$JS.API.CONSUMER.CREATE.{ORDERS}.{TRACER}"
        body = orjson.dumps({"stream_name": ORDERS, "config": tracer_consumer()})
        while True:
            raise_if_cancelled()
            try:
                answer = orjson.loads((await self._client.request(subject, body, timeout=REQUEST_TIMEOUT_S)).data)
                if "error" not in answer:
                    return
                log.warning("tracer: %s", answer["error"].get("description"))
            except (TimeoutError, nats.errors.Error, OSError) as error:
                log.warning("tracer: %s: %s", type(error).__name__, error)
            await asyncio.sleep(BACK_OFF_S)

    async def _told_by(self, delivery: Delivery) -> list[Span]:
        event = _event(delivery.subject, delivery.headers, delivery.body)
        if event is None or not self._samples(trace_of(event).trace_id):
            return []
        followed = self._known.pop(event.order_id, None)
        late = followed is not None and followed.last >= delivery.stream_sequence
        if followed is None or late:
            followed = Followed()
            if event.type is not EventType.ORDER_PLACED:
                await self._catch_up(followed, event.order_id, delivery.stream_sequence)
        if not late:
            self._known[event.order_id] = followed
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return followed.tell(event, delivery.stream_sequence, delivery.at)

    async def _catch_up(self, followed: Followed, order_id: str, before: int) -> None:
        """What was told of an order before a sequence is told again, to nobody."""
        while True:
            raise_if_cancelled()
            try:
                found = await few_of(self._client, ORDERS, f"orders.{order_id}.>")
                break
            except BrokerError as error:
                log.warning("tracer: %s", error)
                await asyncio.sleep(BACK_OFF_S)
        for record in found:
            event = _event(record.subject, record.headers, record.body)
            if event is not None and record.sequence < before:
                followed.tell(event, record.sequence, epoch_s(record.at))

    async def _exported(self, spans: Sequence[Span], batch: Sequence[Delivery]) -> None:
        while not await asyncio.to_thread(self._export, spans):
            for delivery in batch:
                await delivery.in_progress()
            await asyncio.sleep(BACK_OFF_S)


def _event(subject: str, headers: dict[str, str], body: bytes) -> Event | None:
    """None: what is no event is parked by others, and has no span."""
    try:
        return parse(subject, headers, body)
    except Malformed:
        return None
