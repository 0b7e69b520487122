"""Follows the histories and exports the spans of what has ended, each append at least once, whoever made it.

Where the collector is away, nobody else waits: no conductor knows of this process. What it remembers of executions is a
shortcut; it is read again where missing.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from nats.aio.client import Client

from broker.forwarding import Forwarder, however_long
from broker.pull import Delivery
from broker.read import all_of
from orchestration.broker_setup import tracer_consumer
from orchestration.errors import Unreadable
from orchestration.runtime import records
from orchestration.tracing import trace_of
from orchestration.visibility.spans import Followed, Words
from telemetry.span import Span

log = logging.getLogger(__name__)

MOST: Final = 500  # appends an export
REMEMBERED: Final = 2_000


class Tracer:
    """``samples`` decides by trace id; ``export``: whether the collector has taken the spans (see ``Forwarder``).

    ``words``: by machine.
    """

    def __init__(
        self,
        client: Client,
        export: Callable[[Sequence[Span]], bool],
        samples: Callable[[str], bool],
        words: Mapping[str, Words],
    ) -> None:
        self._client = client
        self._samples = samples
        self._words = words
        self._known: OrderedDict[str, Followed] = OrderedDict()
        self.forwarder = Forwarder(client, records.STREAM, tracer_consumer(), self._spans, export, most=MOST)

    async def _spans(self, delivery: Delivery) -> Sequence[Span]:
        try:
            return await self._told_by(delivery)
        except Unreadable as error:
            log.warning("tracer: %s: %s", delivery.subject, error)
            return ()

    async def _told_by(self, delivery: Delivery) -> list[Span]:
        execution = records.execution_of(delivery.subject)
        outline = records.decode_outline(delivery.body)
        if not self._samples(trace_of(execution, outline.trace_header).trace_id):
            return []
        append = records.decode_append(delivery.body)
        if not append.events:
            return []
        followed = self._known.pop(execution, None)
        if followed is None or followed.next_event != append.events[0].id:
            followed = Followed(execution, self._words.get(append.machine))
            if append.events[0].id > 1:
                await self._catch_up(followed, delivery.stream_sequence)
        spans = followed.tell(append)
        if append.stopped_at == "":
            self._known[execution] = followed
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return spans

    async def _catch_up(self, followed: Followed, before: int) -> None:
        """What was told of an execution before a sequence is told again, to nobody."""
        subject = records.log_subject(followed.execution)
        for record in await however_long(lambda: all_of(self._client, records.STREAM, subject)):
            if record.sequence < before:
                followed.tell(records.decode_append(record.body))
