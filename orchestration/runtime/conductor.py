"""A worker: takes starts and wake messages from the stream and drives their executions. Any number may run.

A message is held (kept in progress) for as long as its execution is in this worker's hands. It is acknowledged when the
execution has ended or waits for something outside; what this worker drops, redelivery gives to another.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from nats.aio.client import Client

from broker.errors import BrokerError
from broker.pull import Delivery, Puller
from orchestration import metrics
from orchestration.asl.protocol import ExecutionStarted, Input
from orchestration.errors import HistoryUnreachable, Lost, NotHere, Unreadable
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records
from orchestration.runtime.dead_letters import REASON, set_apart
from orchestration.runtime.drive import Drive, Tools
from orchestration.runtime.holding import Holding

log = logging.getLogger(__name__)

BATCH: Final = 64
AT_ONCE: Final = 500
AT_ONCE_IN_MEMORY: Final = 50_000  # executions that wait for the outside included
STOP_WITHIN_S: Final = 2.0
# Where an execution lives in one worker's memory only, its wake message is offered around.
OFFER_EVERY_S: Final = 0.5
OFFERS: Final = 40
# A bug or a broken machine must not stop other executions, nor be forgotten: it comes again, ever less often.
FAILED_FIRST_S: Final = 2.0
FAILED_LONGEST_S: Final = 300.0


@dataclass
class Conductor:
    """``run()`` until ``stop()``. A drive that a bug ends is counted and logged; the worker lives on."""

    client: Client
    tools: Tools
    ack_wait_s: float
    consumer: str
    on_dead_letter: Callable[[str], None] = lambda reason: None
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _in_memory: dict[str, Drive] = field(default_factory=dict)
    _working: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.puller = Puller(self.client, records.STREAM, self.consumer, batch=BATCH)
        self.holding = Holding(self.ack_wait_s)
        self._slots = asyncio.Semaphore(AT_ONCE if self.tools.history.durable else AT_ONCE_IN_MEMORY)

    async def run(self) -> None:
        """Pull and drive until ``stop()``; then finish what ends soon, and hand the rest back."""
        keeping = asyncio.create_task(self.holding.keep())
        try:
            async for batch in self.puller.batches():
                for work in batch:
                    self.holding.take(work)
                for work in batch:
                    await self._slots.acquire()
                    task = asyncio.create_task(self._take(work))
                    self._working.add(task)
                    task.add_done_callback(self._done)
            if self._working:
                await asyncio.wait(self._working, timeout=STOP_WITHIN_S)
        finally:
            await self._end(keeping)

    async def stop(self) -> None:
        await self.puller.stop()

    async def _end(self, keeping: asyncio.Task[None]) -> None:
        for task in (keeping, *self._working):
            task.cancel()
        await asyncio.wait((keeping, *self._working))
        await self.holding.hand_back()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._slots.release()

    async def _take(self, work: Delivery) -> None:
        """One work message to its end. Every way to fail has its answer here."""
        if work.delivered > 1:
            metrics.redeliveries.inc()
        try:
            await self._work(work)
        except Lost as lost:
            log.info("dropped: %s", lost)
            if not work.subject.startswith(f"{records.START}."):
                await work.nak(OFFER_EVERY_S)  # what it tells must still be told, to the history as it is now
        except HistoryUnreachable as error:
            log.warning("dropped until it is delivered again: %s", error)
        except NotHere as error:
            if work.delivered < OFFERS:
                await work.nak(OFFER_EVERY_S * (0.5 + self.tools.random()))  # even: two would swap for ever
            else:
                await self._dead(work, str(error))
        except Unreadable as error:
            await self._dead(work, str(error))
        except Exception:
            metrics.drive_failures.inc()
            log.exception("driving %s failed", work.subject)
            await work.nak(min(FAILED_LONGEST_S, FAILED_FIRST_S * 2.0 ** min(work.delivered, 10)))
        finally:
            if not _being_cancelled():
                self.holding.let_go(work)

    async def _work(self, work: Delivery) -> None:
        if not self.tools.history.durable:
            await self._work_in_memory(work)
            return
        drive, events = await self._open(work)
        if drive.ended or await drive.run(events, take_over=work.delivered > 1):
            await work.ack()
        else:
            # Late news of an execution that somebody seems to drive. A broker that was killed may have forgotten
            # that this message was delivered before, to one who has died since: so look again.
            await work.nak(self.ack_wait_s)

    async def _open(self, work: Delivery) -> tuple[Drive, tuple[Input, ...]]:
        """The execution that a message is about, as it is stored, and what the message tells it."""
        execution = records.execution_of(work.subject)
        is_start = work.subject.startswith(f"{records.START}.")
        told: tuple[Input, ...] = () if is_start else (records.decode_wake(work.body),)
        # The first delivery of a start finds no append: if one came in between, appending after 0 conflicts.
        found = None if is_start and work.delivered == 1 else await self.tools.history.load(execution)
        if found is not None:
            append = records.decode_append(found.body)
            machine = await self.tools.machines.load(append.machine)
            return Drive.resumed(self.tools, next(self._numbers), execution, machine, append, found.sequence), told
        if is_start:
            body, began_at = work.body, work.at
        else:
            record = await self.tools.history.load_start(execution)
            if record is None:
                raise Unreadable(f"a wake message for {execution!r}, which never started")
            body, began_at = record.body, epoch_s(record.at)
        start = records.decode_start(body)
        return await self._fresh(execution, start, began_at), (_started(execution, start), *told)

    async def _work_in_memory(self, work: Delivery) -> None:
        """Practice ``outbox`` off: acknowledged at once, and what happens to this process happens to the execution."""
        execution = records.execution_of(work.subject)
        if not work.subject.startswith(f"{records.START}."):
            drive = self._in_memory.get(execution)
            if drive is None or drive.mail is None:
                raise NotHere(f"no conductor remembers {execution!r}")
            drive.mail.put_nowait(records.decode_wake(work.body))
            await work.ack()
            return
        await work.ack()
        self.holding.let_go(work)
        start = records.decode_start(work.body)
        drive = await self._fresh(execution, start, work.at)
        drive.mail = asyncio.Queue(maxsize=1000)
        self._in_memory[execution] = drive
        try:
            await drive.run((_started(execution, start),), take_over=False)
        finally:
            self._in_memory.pop(execution, None)

    async def _fresh(self, execution: str, start: records.Start, began_at: float) -> Drive:
        machine = await self.tools.machines.load(start.machine)
        return Drive.fresh(self.tools, next(self._numbers), execution, machine, start, began_at)

    async def _dead(self, work: Delivery, reason: str) -> None:
        try:
            await set_apart(self.client, work, reason)
        except BrokerError as error:
            log.warning("not set apart yet, it comes again: %s: %s", work.subject, error)
            return
        log.warning("set apart: %s: %s", work.subject, reason)
        self.on_dead_letter(REASON)


def _started(execution: str, start: records.Start) -> ExecutionStarted:
    return ExecutionStarted(start.arn or execution, start.input, dict(start.facts))


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
