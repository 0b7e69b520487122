"""A service's ear on the bus: takes deliveries, runs the row of the table that fits, tells the outcome, acknowledges.

Many messages are in flight at once; the service groups their commits. A message is acknowledged only when what it
caused is committed and told, so whatever dies in between, the broker delivers it again and the inbox knows it. What to
do is decided elsewhere: which row (``reactions``), what to tell (``telling``), what after a failure (``recovery``).
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Final, Protocol

from nats.aio.client import Client

from broker.connection import raise_if_cancelled
from broker.errors import BrokerError
from broker.publish import Message, publish
from broker.pull import Delivery, Puller
from choreography.broker_setup import ORDERS
from choreography.calls import Calls
from choreography.clock import now_text
from choreography.cloud_events import Event, compose, handling_of, parse
from choreography.errors import Malformed
from choreography.events import Body
from choreography.outbox import Outbox
from choreography.reactions import Reaction, reactions_for, wiring
from choreography.recovery import Recovery
from choreography.telling import asked, command_for
from services.commands import Answer, Command, Outgoing, Result
from services.faults.plan import CrashPoint
from services.operations import Operation
from services.operations import Service as ServiceName
from services.practices import Practice
from services.settings import Settings
from telemetry.context import current
from telemetry.recording import recording

log = logging.getLogger(__name__)

MAX_AT_ONCE: Final = 256
# Well under any ``ack_wait``: what takes longer than this is kept from being delivered again meanwhile.
KEEP_EVERY_S: Final = 1.0
STOP_WITHIN_S: Final = 1.5
MAX_BUG_WAIT_S: Final = 30.0


class ListeningService(Protocol):
    """What a listener needs of ``services.service.Service``."""

    @property
    def name(self) -> ServiceName: ...

    async def execute(self, command: Command, *, hang_s: float | None = None) -> Answer: ...

    def attempt_under_way(self, command: Command) -> int | None: ...

    def crash_point(self, order_id: str, operation: Operation, point: CrashPoint) -> None: ...

    async def unsent(self, limit: int = ...) -> list[Outgoing]: ...

    def mark_sent(self, ids: Sequence[str]) -> None: ...


class Listener:
    """Owns the consumer, the outbox and every message in flight of one service process."""

    def __init__(self, client: Client, service: ListeningService, settings: Settings) -> None:
        guards = settings.guards_removed
        self._client = client
        self._service = service
        self._name = service.name
        self._threshold_cents = settings.approval_threshold_cents
        self._table = wiring(guards)
        self._unique = Practice.IDEMPOTENCY not in settings.practices
        durable = Practice.OUTBOX in settings.practices and "outbox" not in guards
        self.outbox = Outbox(client, service, durable=durable)
        self._calls = Calls(service, self.outbox, timeout_s=settings.call_timeout_s, durable=durable)
        self._recovery = Recovery(client, self._name, settings, self.outbox)
        self._puller = Puller(client, ORDERS, self._name.value, batch=MAX_AT_ONCE)
        self._free = asyncio.Semaphore(MAX_AT_ONCE)
        self._in_flight: dict[int, tuple[Delivery, float]] = {}
        self._busy = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.listening = asyncio.Event()

    def not_ready(self) -> str | None:
        """Why nothing is heard now; None when all is well."""
        if not self._client.is_connected:
            return "the broker is out of reach"
        if self.outbox.trouble is not None:
            return f"the outbox cannot be sent: {self.outbox.trouble}"
        if not self.listening.is_set():
            return "the outbox of an earlier life is not sent yet"
        return "the broker does not answer" if self._puller.silent else None

    async def run(self) -> None:
        """Send what an earlier life left behind, then listen until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.outbox.run(self.listening), name="outbox")
                tasks.create_task(self._keep(), name="keep in progress")
                await self.listening.wait()
                async for batch in self._puller.batches():
                    for delivery in batch:
                        await self._free.acquire()
                        self._begin(delivery)
                        tasks.create_task(self._handle(delivery))
        finally:
            await self._calls.close()

    async def stop(self) -> None:
        """Take nothing new; give what is in flight a moment to end. What does not is delivered again."""
        await self._puller.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._idle.wait()

    # --- one message ----------------------------------------------------------------------------------

    async def _handle(self, delivery: Delivery) -> None:
        try:
            await self._process(delivery)
        except BrokerError as error:
            # What is committed stays in the outbox, and the message is delivered again: nothing is lost.
            log.warning("%s left for redelivery: %s", delivery.subject, error)
        except Exception:
            # A bug of ours. The message comes again, and when no delivery of it ever ends, it is parked.
            log.exception("%s failed in delivery %d", delivery.subject, delivery.delivered)
            await delivery.nak(min(MAX_BUG_WAIT_S, float(delivery.delivered)))
        finally:
            self._in_flight.pop(delivery.stream_sequence, None)
            if not self._in_flight:
                self._idle.set()
            self._free.release()

    async def _process(self, delivery: Delivery) -> None:
        try:
            event = parse(delivery.subject, delivery.headers, delivery.body)
        except Malformed as malformed:
            await self._recovery.park_malformed(delivery, str(malformed))
            return
        rows = reactions_for(self._name, event.type, event.body, self._threshold_cents, self._table)
        if recording():
            current.set(handling_of(self._name, event))
        for row in rows:  # at most one row fits an event (a test checks the table)
            if not await self._react(row, event, delivery):
                return
        await delivery.ack()

    async def _react(self, row: Reaction, event: Event, delivery: Delivery) -> bool:
        """True: the delivery may be acknowledged."""
        assert isinstance(event.body, Body), "nobody reacts to AttemptFailed"
        if row.operation is None:
            type_, body = asked(event.body.order)
            message = compose(type_, body, source=self._name, at=now_text(), cause=event, suffix=self._suffix())
            await publish(self._client, Message(message.subject, message.body, message.id, headers=message.headers))
            return True
        command, told = command_for(
            self._name, row.operation, row, event, event.body.order, at=now_text(), suffix=self._suffix()
        )
        try:
            answer = await self._calls.execute(command, told, delivery.delivered)
        except Exception as error:  # noqa: BLE001 - every failure of a command is decided upon in one place
            return await self._recovery.after(error, row, event, event.body.order, delivery, told)
        if answer.result is Result.REFUSED and row.failed is None:
            return await self._recovery.undo_refused(answer, row, event, delivery)
        await self._tell(answer, row.operation, event.order_id, told)
        return True

    async def _tell(self, answer: Answer, operation: Operation, order_id: str, told: list[Outgoing]) -> None:
        reached = self._service.crash_point
        reached(order_id, operation, CrashPoint.BEFORE_PUBLISH)
        if answer.replayed:
            await self.outbox.settle()  # an earlier life may have committed it and not told it
        else:
            await self.outbox.send(told)
        reached(order_id, operation, CrashPoint.AFTER_PUBLISH)
        reached(order_id, operation, CrashPoint.BEFORE_ACK)

    def _suffix(self) -> str:
        """Without idempotency every act is another one, and so is its event."""
        return uuid.uuid4().hex if self._unique else ""

    # --- keeping slow ones from being delivered again -------------------------------------------------

    def _begin(self, delivery: Delivery) -> None:
        self._in_flight[delivery.stream_sequence] = (delivery, time.monotonic())
        self._busy.set()
        self._idle.clear()

    async def _keep(self) -> None:
        while True:
            raise_if_cancelled()
            await self._busy.wait()
            await asyncio.sleep(KEEP_EVERY_S)
            long_ago = time.monotonic() - KEEP_EVERY_S
            for delivery, since in list(self._in_flight.values()):
                if since <= long_ago:
                    await delivery.in_progress()
            if not self._in_flight:
                self._busy.clear()
