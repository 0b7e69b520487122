"""Follows the orders and exports the spans of what their events tell, each event at least once, whoever told it.

Where the collector is away, nobody else waits: no listener knows of this process. What it remembers of orders is a
shortcut; it is read again where missing.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from nats.aio.client import Client

from broker.forwarding import Forwarder, however_long
from broker.pull import Delivery
from broker.read import few_of
from choreography.broker_setup import ORDERS, tracer_consumer
from choreography.clock import epoch_s
from choreography.cloud_events import Event, parse, trace_of
from choreography.errors import Malformed
from choreography.events import EventType
from choreography.spans import Followed
from telemetry.span import Span

MOST: Final = 1_000  # events an export
REMEMBERED: Final = 5_000


class Tracer:
    """``samples`` decides by trace id; ``export``: whether the collector has taken the spans (see ``Forwarder``)."""

    def __init__(
        self, client: Client, export: Callable[[Sequence[Span]], bool], samples: Callable[[str], bool]
    ) -> None:
        self._client = client
        self._samples = samples
        self._known: OrderedDict[str, Followed] = OrderedDict()
        self.forwarder = Forwarder(client, ORDERS, tracer_consumer(), self._told_by, export, most=MOST)

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
        for record in await however_long(lambda: few_of(self._client, ORDERS, f"orders.{order_id}.>")):
            event = _event(record.subject, record.headers, record.body)
            if event is not None and record.sequence < before:
                followed.tell(event, record.sequence, epoch_s(record.at))


def _event(subject: str, headers: dict[str, str], body: bytes) -> Event | None:
    """None: what is no event is parked by others, and has no span."""
    try:
        return parse(subject, headers, body)
    except Malformed:
        return None
