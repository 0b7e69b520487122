"""A worker: takes starts and wake messages from the stream and drives their executions. Any number may run.

A message is held (kept in progress) for as long as its execution is in this worker's hands. It is acknowledged when the
execution has ended or waits for something outside; what this worker drops, redelivery gives to another.

Only starts are limited in number, for they may take long. What wakes an execution never waits behind them, nor does
anybody's execution wait for a slot behind the children of a map run.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from nats.aio.client import Client

from broker.errors import BrokerError
from broker.publish import Message, publish
from broker.pull import Delivery, Puller
from orchestration import metrics
from orchestration.asl.protocol import Input
from orchestration.errors import HistoryUnreachable, Lost, NotHere, Overloaded, Overtaken, Unreadable
from orchestration.names import is_item, is_map_run
from orchestration.rfc3339 import epoch_s
from orchestration.runtime import records, wakes
from orchestration.runtime.callers import tell
from orchestration.runtime.dead_letters import REASON, set_apart
from orchestration.runtime.drive import Drive
from orchestration.runtime.express import run_express
from orchestration.runtime.express_log import to_log
from orchestration.runtime.hands import Hand
from orchestration.runtime.holding import Holding
from orchestration.runtime.map_runs import MapRuns
from orchestration.runtime.progress import Tools
from orchestration.runtime.slots import Slots

log = logging.getLogger(__name__)

BATCH: Final = 64
AT_ONCE: Final = 500
AT_ONCE_IN_MEMORY: Final = 50_000  # executions that wait for the outside included
# Starts that wait here for others to end. While there is no room for more, they are pulled slowly and handed back.
LINE: Final = 1_000
SLOW_DOWN_S: Final = 0.25
OPENED_AT_ONCE: Final = 256  # a broker that is asked for more at once answers some too late
BACK_FOR_S: Final = 2.0
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
    map_runs: MapRuns | None = None
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _hands: dict[str, Hand] = field(default_factory=dict)
    _working: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.puller = Puller(self.client, records.STREAM, self.consumer, batch=BATCH)
        self.holding = Holding(self.ack_wait_s)
        self._slots = Slots(AT_ONCE if self.tools.history.durable else AT_ONCE_IN_MEMORY, LINE)
        self._express_slots = Slots(AT_ONCE, LINE)
        self._opening = Slots(OPENED_AT_ONCE, LINE)
        self._slowing = (self._slots, self._express_slots, self._opening)
        self._child_slots = Slots(AT_ONCE, LINE)

    async def run(self) -> None:
        """Pull and drive until ``stop()``; then finish what ends soon, and hand the rest back."""
        keeping = asyncio.create_task(self.holding.keep())
        try:
            async for batch in self.puller.batches():
                for work in batch:
                    self.holding.take(work)
                for work in batch:
                    task = asyncio.create_task(self._take(work))
                    self._working.add(task)
                    task.add_done_callback(self._working.discard)
                for slots in self._slowing:
                    await slots.room(SLOW_DOWN_S)
            for slots in (*self._slowing, self._child_slots):
                slots.close()
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
        if self.map_runs is not None:
            await self.map_runs.close()
        await self.holding.hand_back()

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
        except Overtaken as overtaken:
            log.info("let go: %s", overtaken)
        except HistoryUnreachable as error:
            log.warning("dropped until it is delivered again: %s", error)
        except NotHere as error:
            if work.delivered < OFFERS:
                await work.nak(OFFER_EVERY_S * (0.5 + self.tools.random()))  # even: two would swap for ever
            else:
                await self._dead(work, str(error))
        except Overloaded:
            await work.nak(BACK_FOR_S * (0.5 + self.tools.random()))
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
        execution = records.execution_of(work.subject)
        if is_map_run(execution):
            await self._tell_map_run(execution, work)
            return
        if not work.subject.startswith(f"{records.START}."):
            await self._standard(work, None)
            return
        start = records.decode_start(work.body)
        async with self._room_for(start).taken():
            await (self._express(work, start) if start.express else self._standard(work, start))

    def _room_for(self, start: records.Start) -> Slots:
        """A map run brings a thousand at once: what has no room comes back, and nobody else waits for it."""
        if start.map_run:
            return self._child_slots
        return self._express_slots if start.express else self._slots

    async def _standard(self, work: Delivery, start: records.Start | None) -> None:
        execution = records.execution_of(work.subject)
        if not self.tools.history.durable:
            await self._work_in_memory(work)
            return
        while (hand := self._hands.get(execution)) is not None:
            if await self._join(hand, work, start):
                await work.ack()
                return
        if await self._drive(work, start):
            await work.ack()
        else:
            # Late news of an execution that somebody seems to drive. A broker that was killed may have forgotten
            # that this message was delivered before, to one who has died since: so look again.
            await work.nak(self.ack_wait_s)

    async def _join(self, hand: Hand, work: Delivery, start: records.Start | None) -> bool:
        """A message about an execution in these hands: whether it has been dealt with when they have let go of it.

        Not before: it may be the very message that these hands hold the execution by, delivered once more. Acknowledged
        now, it would be gone if this worker died, and with it the execution.
        """
        again = work.delivered > 1
        if start is not None:
            return await hand.until_let_go(again=again)
        wake = wakes.decode_wake(work.body, work.stream_sequence)
        _note_lag(work, self.tools.clock())
        return await hand.tell(wake, again=again)

    async def _drive(self, work: Delivery, start: records.Start | None) -> bool:
        """Take the execution into these hands until it has ended or waits. False: somebody else's seem to hold it."""
        execution = records.execution_of(work.subject)
        hand = self._hands[execution] = Hand()
        try:
            async with self._opened_in_turn(execution):
                drive, events = await self._open(work, start)
            if start is None:
                _note_lag(work, self.tools.clock())
            hand.open(drive)
            hand.settled = await drive.run(events, take_over=work.delivered > 1)
            return hand.settled
        finally:
            del self._hands[execution]
            hand.let_go()

    def _opened_in_turn(self, execution: str) -> AbstractAsyncContextManager[None]:
        """Raises ``Overloaded``, now or on entering, where too many wait already."""
        if not is_item(execution):
            return self._opening.taken()
        if self.tools.turns.waiting >= LINE:
            raise Overloaded("too many items of map runs are being opened")
        return self.tools.turns.of_item()

    async def _tell_map_run(self, run: str, work: Delivery) -> None:
        if self.map_runs is None:
            raise Unreadable("this worker takes no map runs")
        await self.map_runs.tell(run, work.body, work.stream_sequence)
        await work.ack()

    async def _express(self, work: Delivery, start: records.Start) -> None:
        """Acknowledged when it has ended: whatever stops this worker before, it runs again from its start."""
        execution = records.execution_of(work.subject)
        machine = await self.tools.machines.load(start.machine)
        log_to = to_log(start.arn or execution, await self.tools.machines.log_setting(start.machine))
        result = await run_express(machine, start, execution, self.tools, log=log_to)
        if start.caller is not None:
            post = tell(start.caller, result.ending)
            try:
                await publish(self.client, Message(post.subject, post.body))
            except BrokerError as error:
                raise HistoryUnreachable(f"{execution}: its caller could not be told: {error}") from error
        await work.ack()

    async def _open(self, work: Delivery, start: records.Start | None) -> tuple[Drive, tuple[Input, ...]]:
        """The execution that a message is about, as it is stored, and what the message tells it."""
        execution = records.execution_of(work.subject)
        told: tuple[Input, ...] = () if start is not None else (wakes.decode_wake(work.body, work.stream_sequence),)
        # The first delivery of a start finds no append: if one came in between, appending after 0 conflicts.
        found = None if start is not None and work.delivered == 1 else await self.tools.history.load(execution)
        if found is not None:
            append = records.decode_append(found.body)
            machine = await self.tools.machines.load(append.machine)
            return Drive.resumed(self.tools, next(self._numbers), execution, machine, append, found.sequence), told
        stored_at = work.at
        if start is None:
            record = await self.tools.history.load_start(execution)
            if record is None:
                raise Unreadable(f"a wake message for {execution!r}, which never started")
            start, stored_at = records.decode_start(record.body), epoch_s(record.at)
        return await self._fresh(execution, start, stored_at), (start.first_input(execution), *told)

    async def _work_in_memory(self, work: Delivery) -> None:
        """Practice ``outbox`` off: acknowledged at once, and what happens to this process happens to the execution."""
        execution = records.execution_of(work.subject)
        if not work.subject.startswith(f"{records.START}."):
            hand = self._hands.get(execution)
            if hand is None or not await hand.tell(wakes.decode_wake(work.body)):
                raise NotHere(f"no conductor remembers {execution!r}")
            await work.ack()
            return
        await work.ack()
        self.holding.let_go(work)
        start = records.decode_start(work.body)
        drive = await self._fresh(execution, start, work.at)
        drive.stays = True
        hand = self._hands[execution] = Hand()
        hand.open(drive)
        try:
            await drive.run((start.first_input(execution),), take_over=False)
        finally:
            del self._hands[execution]
            hand.let_go()

    async def _fresh(self, execution: str, start: records.Start, stored_at: float) -> Drive:
        machine = await self.tools.machines.load(start.machine)
        return Drive.fresh(self.tools, next(self._numbers), execution, machine, start, start.began_at(stored_at))

    async def _dead(self, work: Delivery, reason: str) -> None:
        try:
            await set_apart(self.client, work, reason)
        except BrokerError as error:
            log.warning("not set apart yet, it comes again: %s: %s", work.subject, error)
            return
        log.warning("set apart: %s: %s", work.subject, reason)
        self.on_dead_letter(REASON)


def _note_lag(work: Delivery, now: float) -> None:
    due = wakes.due_of(work.subject, work.body)
    if due is not None:
        metrics.timer_lag.observe(max(0.0, now - due))


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
