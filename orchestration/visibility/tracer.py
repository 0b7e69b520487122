"""Follows the histories and exports the spans of what has ended, each append at least once, whoever made it.

A message is acknowledged when a collector has taken its spans. Where that is away, it waits here, and nothing else
does: no conductor knows of this process. What it remembers of executions is a shortcut; it is read again where missing.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import nats.errors
import orjson
from nats.aio.client import Client

from broker.errors import BrokerError
from broker.pull import Delivery
from broker.read import all_of
from broker.windows import WindowedPuller
from orchestration.broker_setup import TRACER, tracer_consumer
from orchestration.errors import Unreadable
from orchestration.runtime import records
from orchestration.tracing import trace_of
from orchestration.visibility.spans import Followed, Words
from telemetry.span import Span

log = logging.getLogger(__name__)

MOST: Final = 500  # appends an export
WINDOW_S: Final = 0.2
REMEMBERED: Final = 2_000
BACK_OFF_S: Final = 1.0
REQUEST_TIMEOUT_S: Final = 5.0

# True: taken. False: the collector is away.
Export = Callable[[Sequence[Span]], bool]


class Tracer:
    """``samples`` decides by trace id; ``export`` blocks, and is called in a thread. ``words``: by machine."""

    def __init__(
        self, client: Client, export: Export, samples: Callable[[str], bool], words: Mapping[str, Words]
    ) -> None:
        self._client = client
        self._export = export
        self._samples = samples
        self._words = words
        self._known: OrderedDict[str, Followed] = OrderedDict()
        self._puller = WindowedPuller(client, records.STREAM, TRACER, most=MOST, window_s=WINDOW_S)
        self.following = False

    async def run(self) -> None:
        """Runs until ``stop()``."""
        await self._begin()
        self.following = True
        async for batch in self._puller.batches():
            spans = await self._spans(batch)
            if spans:
                await self._exported(spans, batch)
            for delivery in batch:
                await delivery.ack()

    async def stop(self) -> None:
        await self._puller.stop()

    async def _begin(self) -> None:
        """Its consumer is made once, and keeps its place over restarts."""
        subject = f"$JS.API.CONSUMER.CREATE.{records.STREAM}.{TRACER}"
        body = orjson.dumps({"stream_name": records.STREAM, "config": tracer_consumer()})
        while True:
            try:
                answer = orjson.loads((await self._client.request(subject, body, timeout=REQUEST_TIMEOUT_S)).data)
                if "error" not in answer:
                    return
                log.warning("tracer: %s", answer["error"].get("description"))
            except (TimeoutError, nats.errors.Error, OSError) as error:
                log.warning("tracer: %s: %s", type(error).__name__, error)
            await asyncio.sleep(BACK_OFF_S)

    async def _spans(self, batch: Sequence[Delivery]) -> list[Span]:
        spans: list[Span] = []
        for delivery in batch:
            try:
                spans += await self._told_by(delivery)
            except Unreadable as error:
                log.warning("tracer: %s: %s", delivery.subject, error)
        return spans

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
        while True:
            try:
                found = await all_of(self._client, records.STREAM, records.log_subject(followed.execution))
                break
            except BrokerError as error:
                log.warning("tracer: %s", error)
                await asyncio.sleep(BACK_OFF_S)
        for record in found:
            if record.sequence < before:
                followed.tell(records.decode_append(record.body))

    async def _exported(self, spans: Sequence[Span], batch: Sequence[Delivery]) -> None:
        while not await asyncio.to_thread(self._export, spans):
            for delivery in batch:
                await delivery.in_progress()
            await asyncio.sleep(BACK_OFF_S)
