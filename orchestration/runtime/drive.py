"""One execution in a worker's hands: advance, append, perform, repeat, until it ends or waits for the outside.

What it has come to, and what an append says of it, is ``progress``'s to know.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from broker.read import Record
from orchestration.asl.interpreter import Machine
from orchestration.asl.protocol import (
    Command,
    ExecutionStarted,
    Input,
    RunTask,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
)
from orchestration.asl.turn import EXECUTION_TIMER
from orchestration.errors import Lost, NotDriven, Overtaken
from orchestration.runtime.gist import small_groups
from orchestration.runtime.performing import Performing
from orchestration.runtime.progress import Progress, Tools
from orchestration.runtime.records import Append, Start
from orchestration.tracing import enter

MOST_TRIES = 50  # at one append, while others' come first


@dataclass(eq=False)
class _Told:
    """Events that others brought while an append was under way: they share the next one, and its fate."""

    events: list[Input] = field(default_factory=list)
    done: bool = False
    unheard: list[Input] = field(default_factory=list)  # those that concerned nothing
    failed: BaseException | None = None


@dataclass
class Drive:
    """Mutable. One task drives it (``run``); others may bring it events (``tell``). ``closed``: nobody drives it.

    ``stays``: it waits for the outside in this process's memory (practice ``outbox`` off). ``whole``: whatever is open
    is performed here, as far as is known; else others hold what followed from news that they took. ``overtaken``:
    another has done what was under way here; perhaps it was given the same message.
    """

    tools: Tools
    progress: Progress
    stays: bool = False
    closed: bool = False
    whole: bool = True
    overtaken: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _gathering: _Told = field(default_factory=_Told)

    @classmethod
    def fresh(
        cls, tools: Tools, number: int, execution: str, machine: Machine, start: Start, began_at: float
    ) -> "Drive":
        """``began_at``: epoch seconds of the start."""
        return cls(tools, Progress.fresh(tools, number, execution, machine, start, began_at))

    @classmethod
    def resumed(
        cls, tools: Tools, number: int, execution: str, machine: Machine, found: Append, sequence: int
    ) -> "Drive":
        return cls(tools, Progress.resumed(tools, number, execution, machine, found, sequence))

    def __post_init__(self) -> None:
        self.execution = self.progress.execution
        self._performing = Performing(self._run_task, self.tools.clock)
        self._driver: asyncio.Task[Any] | None = None
        self._given_up = False

    @property
    def ended(self) -> bool:
        return self.progress.ended

    async def run(self, events: tuple[Input, ...], *, take_over: bool) -> bool:
        """Feed ``events``, then drive on. Returns when the execution has ended or waits for the outside.

        Where no event concerned the execution, and nobody who held it has died (``take_over``), it is left alone, for
        another worker may be driving it: False if there is something to drive. Raises ``Lost``, ``Overtaken`` and
        ``HistoryUnreachable``.

        A map run is told of its item's end before this returns, and not with the append: a batch of two costs the
        broker several times as much as both alone. Whoever dies in between has not acknowledged the message that he
        holds the item by, so the next one to get it finds the item ended, and tells it. So does whoever brings late
        news, for a broker that was killed may say of that message that it was never delivered before.
        """
        self._driver = asyncio.current_task()
        try:
            async with self._lock:
                left = await self._begin(events, take_over=take_over)
            if left is None:
                await self._drive_on()
        except asyncio.CancelledError:
            if self._driver is None or not self._given_up or self._driver.uncancel():
                raise
        finally:
            self.closed = True
            await self._performing.stop()
        if left is None and self.overtaken and not self.ended:
            raise Overtaken(f"{self.execution}: another has done what was under way here")
        if (post := self.progress.end_of_item()) is not None:
            async with self.progress.in_turn():
                await self.tools.history.tell(post, f"{self.execution}.{self.progress.sequence}.ended")
        return left is None or left

    async def tell(self, event: Input) -> bool:
        """Bring a driven execution an event. True: it is stored. False: it concerned nothing.

        Raises ``NotDriven`` when nobody drives it any more: open it anew. Raises ``Lost`` and ``HistoryUnreachable``.
        """
        told = self._gathering
        told.events.append(event)
        async with self._lock:
            if told.failed is not None:
                raise told.failed
            if told.done:
                return not _among(event, told.unheard)
            if self.closed:
                raise NotDriven(self.execution)
            self._gathering = _Told()
            try:
                told.unheard = await self._apply(told.events)
                if told.unheard and await self._caught_up():
                    told.unheard = await self._apply(told.unheard)
            except BaseException as error:
                told.failed = NotDriven(self.execution) if isinstance(error, asyncio.CancelledError) else error
                self.closed = True
                self._performing.wake()
                raise
            told.done = True
            self.closed = self.closed or self.ended
            if self.ended and self._performing.alone and self._driver is not None:
                self._given_up = True  # nobody waits for the answer of the call
                self._driver.cancel()
        return not _among(event, told.unheard)

    async def take_over(self) -> None:
        """Perform here whatever is open and is not under way here: somebody else who held it may have died.

        Raises as ``tell`` does.
        """
        async with self._lock:
            if self.closed:
                raise NotDriven(self.execution)
            await self._caught_up()
            if not self.whole:
                self.whole = True
                lacking = [each for each in self.progress.open_now() if self._performing.lacks(each)]
                self._performing.start(lacking)

    async def _begin(self, events: tuple[Input, ...], *, take_over: bool) -> bool | None:
        """What ``run`` returns; None: drive on.

        News bring only what follows from them: the rest is in the hands of whoever holds the message that it followed
        from. Should he die, that message comes again, and whoever gets it takes over everything.
        """
        starts = len(events) == 1 and isinstance(events[0], ExecutionStarted)
        commands = await self._brought(events)
        if self.ended:
            return True
        ours = self.progress.ours(commands)
        if not starts:
            everything = self.progress.open_now()
            if not (self.progress.moved or take_over):
                return not everything
            self.whole = take_over or len(everything) <= len(ours)
            ours = everything if self.whole else ours
        await self.progress.store_long(ours)
        self._performing.start(self.progress.ours(ours))
        return None

    async def _drive_on(self) -> None:
        while not self.ended:
            told = await self._performing.next(listening=self._listening, idle=self.stays)
            async with self._lock:
                if self.closed:
                    if self.progress.ended_in_store:
                        return
                    raise Lost(f"{self.execution}: an append of this worker's own failed")
                if told:
                    await self._apply(told)
                elif not (self._performing.busy or self.stays):
                    self.closed = True
                    return

    @property
    def _listening(self) -> bool:
        """Whether the outside may give this worker something to perform; the execution's deadline only ends it."""
        return bool(self.progress.waiting) or not self.whole or not self.progress.with_broker <= {EXECUTION_TIMER}

    async def _apply(self, events: Sequence[Input]) -> list[Input]:
        """Several appends where the events are large, so that each stays small. Returns what concerned nothing."""
        unheard: list[Input] = []
        for group in small_groups(events):
            self._performing.start(self.progress.ours(await self._brought(group)))
            unheard += self.progress.unheard
        return unheard

    async def _brought(self, events: Sequence[Input]) -> list[Command]:
        """``_advance``, after whatever others append meanwhile: no answer is thrown away because of them.

        Not where what was performed here follows from the start alone, or this append may be stored after all: then
        something may be open that nobody performs, and a message delivered again is to say so.
        """
        for tried in range(MOST_TRIES):
            sequence = self.progress.sequence
            try:
                commands = await self.progress.advance(events)
                self.overtaken = self.overtaken or (tried > 0 and bool(self.progress.unheard))
                return commands
            except Lost as lost:
                if lost.in_doubt or (sequence == 0 and not _is_news_of_start(events)):
                    raise
                found = await self.tools.history.load(self.execution)
                if found is None:
                    raise
                self._rebase(found)
        raise Lost(f"{self.execution}: others' appends came first {MOST_TRIES} times")

    async def _caught_up(self) -> bool:
        """Whether others had appended anything, from which this worker now goes on. Raises as an append does."""
        found = await self.tools.history.load(self.execution)
        if found is None or found.sequence <= self.progress.sequence:
            return False
        if not self.progress.sequence:
            raise Lost(f"{self.execution}: {found.sequence} came before this worker's first append")
        self._rebase(found)
        return True

    def _rebase(self, found: Record) -> None:
        """Go on from another's append, with what is under way here."""
        self.progress.rebase(found)
        self.whole = False
        self.overtaken = self.overtaken or self._performing.does_more_than(self.progress.open_now())

    async def _run_task(self, task: RunTask) -> Input | None:
        self.tools.observer.calling(task)
        enter(self.progress.origin.trace_header)
        told = await self.tools.tasks.run(self.execution, task)
        if isinstance(told, TaskSucceeded | TaskFailed | TaskSubmitted) and told.attempt is None:
            return replace(told, attempt=task.attempt)  # it may be told after the next attempt has begun
        return told


def _among(event: Input, events: Sequence[Input]) -> bool:
    return any(each is event for each in events)


def _is_news_of_start(events: Sequence[Input]) -> bool:
    """The start and news of the execution: its start message is somebody else's."""
    return len(events) > 1 and isinstance(events[0], ExecutionStarted)
