"""A broker, workers and an outside in memory, under a simulated clock, with faults drawn from a seed.

The workers are real ``Conductor`` objects; only what they are given (messages, a history, tasks) is made up here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from broker.read import Record
from orchestration.asl.interpreter import Machine
from orchestration.asl.protocol import HistoryEvent, Input, RunTask, TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.errors import HistoryUnreachable, Lost
from orchestration.rfc3339 import rfc3339
from orchestration.runtime import records, wakes
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.express import Result
from orchestration.runtime.history import Timer
from orchestration.runtime.machines import FixedMachines
from orchestration.runtime.progress import Tools
from orchestration.tasks.registry import Tasks, Told

EXECUTION = "e"
MACHINE = "m"
BEGAN_AT = 1_700_000_000.0
ACK_WAIT_S = 5.0
FORGOTTEN_S = 0.5
MOST_DELIVERIES = 1000
MOST_HARMS = 20


@dataclass(frozen=True)
class Faults:
    """How often, for each append or delivery. None of them changes what an execution must come to."""

    unreachable: float = 0.0  # the worker learns not whether its append was stored
    killed: float = 0.0  # the worker dies with its append stored, or not
    killed_soon: float = 0.0  # the worker that a message is given to dies, whatever it does at that moment
    twice: float = 0.0  # a message goes to a second worker while the first is at work
    forgotten: float = 0.0  # the broker is killed: it knows neither deliveries nor the newest acknowledgements
    slow: float = 0.0  # a call takes seconds


@dataclass(eq=False)
class Kept:
    """A message as the broker keeps it. Whoever acknowledges a delivery of it, acknowledges it."""

    subject: str
    body: bytes
    at: float
    delivered: int = 0
    acknowledged_at: float | None = None
    holders: int = 0
    comes_again: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Work:
    """A delivered message, as ``broker.pull.Delivery`` is."""

    world: "World"
    kept: Kept
    delivered: int
    stream_sequence: int = 0

    @property
    def subject(self) -> str:
        return self.kept.subject

    @property
    def body(self) -> bytes:
        return self.kept.body

    @property
    def at(self) -> float:
        return self.kept.at

    async def ack(self) -> None:
        self.world.acknowledge(self.kept)

    async def nak(self, delay_s: float = 0.0) -> None:
        self.world.again(self.kept, delay_s)

    async def in_progress(self) -> None: ...

    async def term(self, reason: str = "") -> None:
        raise AssertionError(f"set apart: {self.subject}: {reason}")


@dataclass
class World:
    """``run()`` gives the whole history of one execution of ``machine``: an item of a map run, which waits for it."""

    machine: Machine
    start: records.Start
    failures: dict[str, tuple[str, ...]]
    random: Random
    faults: Faults = field(default_factory=Faults)
    stored: list[Record] = field(default_factory=list)
    effects: dict[str, str] = field(default_factory=dict)
    deliveries: int = 0
    durable: bool = True
    told: set[tuple[str, records.Post]] = field(default_factory=set)
    _over: bool = False
    _harms: int = 0
    _kept: list[Kept] = field(default_factory=list)
    _broken: BaseException | None = None
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _answered: set[tuple[int, int]] = field(default_factory=set)
    _tasks: dict[asyncio.Task[None], Conductor] = field(default_factory=dict)

    async def run(self) -> list[HistoryEvent]:
        self._ended = asyncio.Event()
        self._workers = [self._worker(number) for number in range(2)]
        self.deliver(records.start_subject(EXECUTION), self.start.encode())
        asyncio.get_running_loop().set_exception_handler(self._break)
        await self._ended.wait()
        while self._tasks and self._broken is None:
            await asyncio.wait(self._tasks)
        if self._broken is not None:
            raise self._broken
        return [event for record in self.stored for event in records.decode_append(record.body).events]

    def _break(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback raised would only be logged."""
        self._broken = self._broken or context.get("exception") or RuntimeError(context["message"])
        self._ended.set()

    def clock(self) -> float:
        return BEGAN_AT + asyncio.get_running_loop().time()

    # --- the broker ---

    def deliver(self, subject: str, body: bytes) -> None:
        message = Kept(subject, body, self.clock())
        self._kept.append(message)
        self._give(message)

    def acknowledge(self, message: Kept) -> None:
        if message.acknowledged_at is None:
            message.acknowledged_at = self.clock()
            if message.comes_again is not None:
                message.comes_again.cancel()

    def again(self, message: Kept, delay_s: float) -> None:
        if message.acknowledged_at is None:
            if message.comes_again is not None:
                message.comes_again.cancel()
            message.comes_again = asyncio.get_running_loop().call_later(max(delay_s, 0.001), self._give, message)

    def _give(self, message: Kept) -> None:
        self.deliveries += 1
        assert self.deliveries < MOST_DELIVERIES, "it is delivered for ever"
        message.delivered += 1
        message.holders += 1
        conductor = self.random.choice(self._workers)
        task = asyncio.create_task(conductor._take(Work(self, message, message.delivered)))  # type: ignore[arg-type]
        self._tasks[task] = conductor
        task.add_done_callback(lambda task: self._taken(task, message))
        self._harm(message, conductor)

    def _harm(self, message: Kept, conductor: Conductor) -> None:
        """What befalls this delivery a little later."""
        loop, soon = asyncio.get_running_loop(), self.random.random()
        if self._meets(self.faults.twice):
            self.again(message, soon)
        if self._meets(self.faults.killed_soon):
            loop.call_later(soon * 2, self._kill, conductor)
        if self._meets(self.faults.forgotten):
            loop.call_later(soon, self._forget)

    def _meets(self, chance: float) -> bool:
        """Not for ever: where each delivery causes more than one other, none is the last."""
        if not chance or self._harms == MOST_HARMS or self.random.random() >= chance:
            return False
        self._harms += 1
        return True

    def _taken(self, task: asyncio.Task[None], message: Kept) -> None:
        del self._tasks[task]
        message.holders -= 1
        if not task.cancelled() and (failed := task.exception()) is not None:
            raise failed
        if message.acknowledged_at is None and not message.holders and not _is_to_come(message):
            self.again(message, ACK_WAIT_S)

    def _forget(self) -> None:
        """Killed and started again: everything not known to be done is given anew, as if for the first time."""
        now = self.clock()
        for message in self._kept:
            if message.acknowledged_at is None or now - message.acknowledged_at < FORGOTTEN_S:
                message.acknowledged_at = None
                message.delivered = 0
                self.again(message, 0.0)

    def _kill(self, conductor: Conductor) -> None:
        """Its memory is gone, and what it was doing; the broker notices after a while."""
        self._workers = [self._worker(len(self.stored)) if each is conductor else each for each in self._workers]
        for task, owner in tuple(self._tasks.items()):
            if owner is conductor:
                task.cancel()

    # --- the history, as ``runtime.history.History`` ---

    async def load(self, execution: str) -> Record | None:
        await asyncio.sleep(0.001)
        return self.stored[-1] if self.stored else None

    async def load_start(self, execution: str) -> Record | None:
        return Record(records.STREAM, records.start_subject(EXECUTION), 0, rfc3339(BEGAN_AT), {}, self.start.encode())

    async def append(
        self,
        execution: str,
        body: bytes,
        *,
        after: int,
        append_id: str,
        timers: Sequence[Timer] = (),
        posts: Sequence[records.Post] = (),
        ended: str = "",
    ) -> int:
        await asyncio.sleep(0.001)
        fault = self.random.random()
        if fault < self.faults.unreachable / 2:
            raise HistoryUnreachable("before")
        if (last := self.stored[-1].sequence if self.stored else 0) != after:
            raise Lost(f"{last} came after {after}")
        if fault >= 1 - self.faults.killed / 2:
            await self._die()
        self._store(body, append_id, timers, ended)
        if fault < self.faults.unreachable:
            raise HistoryUnreachable("after")
        if fault >= 1 - self.faults.killed:
            await self._die()
        return len(self.stored)

    async def _die(self) -> None:
        owner = self._tasks.get(asyncio.current_task())  # type: ignore[arg-type]
        if owner is not None:
            asyncio.get_running_loop().call_soon(self._kill, owner)
            await asyncio.Event().wait()

    def _store(self, body: bytes, append_id: str, timers: Sequence[Timer], ended: str) -> None:
        sequence = len(self.stored) + 1
        self.stored.append(
            Record(records.STREAM, records.log_subject(EXECUTION), sequence, "", {"Nats-Msg-Id": append_id}, body)
        )
        for timer in timers:
            delay_s = max(0.0, timer.at - self.clock()) + 0.01
            subject = records.timer_wake_subject(EXECUTION, timer.name)
            wake = wakes.encode_timer(timer.name, timer.at)
            self._timers[timer.name] = asyncio.get_running_loop().call_later(delay_s, self.deliver, subject, wake)
        if b'"waiting":[]' not in body:
            for waiting in records.decode_outline(body).waiting:
                self._ask(waiting)
        self._over = bool(ended)

    async def tell(self, post: records.Post, message_id: str) -> None:
        assert self._over, "its end is not stored"
        await asyncio.sleep(0.001)
        fault = self.random.random()
        if fault < self.faults.unreachable / 2:
            raise HistoryUnreachable("before")
        if fault >= 1 - self.faults.killed / 2:
            await self._die()
        self.told.add((message_id, post))
        self._ended.set()
        if fault < self.faults.unreachable:
            raise HistoryUnreachable("after")
        if fault >= 1 - self.faults.killed:
            await self._die()

    async def cancel(self, execution: str, timers: Sequence[str], *, after: int) -> None:
        for timer in timers:
            if (handle := self._timers.pop(timer, None)) is not None:
                handle.cancel()

    # --- the outside ---

    def _ask(self, waiting: records.Waiting) -> None:
        key = (waiting.entry, waiting.attempt)
        if key not in self._answered:
            self._answered.add(key)
            wake = wakes.encode_wake(TaskSucceeded(waiting.entry, "yes", waiting.attempt))
            subject = records.callback_subject(EXECUTION, *key)
            delay_s = self.random.choice((0.02, 0.5, 2.0)) if self.faults.slow else 10 + waiting.entry % 7
            asyncio.get_running_loop().call_later(delay_s, self.deliver, subject, wake)

    def told_at_once(self, task: RunTask) -> Told | None:
        return None if task.token is None else TaskSubmitted(task.entry, {})

    async def run_task(self, task: RunTask) -> Told:
        await asyncio.sleep(0.01 + task.entry % 5 / 100)
        if self.faults.slow and self.random.random() < self.faults.slow:
            await asyncio.sleep(10 * self.random.random())
        errors = self.failures.get(task.state, ())
        # By attempt, not by call: whoever repeats a call after a crash meets the same answer.
        if task.attempt <= len(errors):
            return TaskFailed(task.entry, errors[task.attempt - 1], None)
        self.effects[task.key] = task.state
        return TaskSucceeded(task.entry, task.state)

    # --- the workers ---

    def _worker(self, number: int) -> Conductor:
        runner: Any = _Runner(self)
        tools = Tools(
            machines=FixedMachines({MACHINE: self.machine}),
            tasks=Tasks({"http": runner, "ask": runner}),
            history=self,
            token_of=lambda execution, entry, attempt: f"{execution}.{entry}.{attempt}.mac",
            observer=_Quiet(),
            writer=f"w{number}-{self.random.random()}",
            clock=self.clock,
            random=lambda: 0.5,
        )
        return Conductor(None, tools, ack_wait_s=ACK_WAIT_S, consumer="c")  # type: ignore[arg-type]


def _is_to_come(message: Kept) -> bool:
    return (
        message.comes_again is not None
        and not message.comes_again.cancelled()
        and message.comes_again.when() > (asyncio.get_running_loop().time())
    )


@dataclass
class _Runner:
    world: World

    def told_at_once(self, task: RunTask) -> Told | None:
        return self.world.told_at_once(task)

    async def run(self, execution: str, task: RunTask) -> Input:
        return await self.world.run_task(task)


class _Quiet:
    def advanced(self, events: list[HistoryEvent]) -> None: ...

    def ended(self, status: str, began_at: str) -> None: ...

    def stepped(self, seconds: float) -> None: ...

    def calling(self, task: RunTask) -> None: ...

    def express_ended(self, result: Result) -> None: ...
