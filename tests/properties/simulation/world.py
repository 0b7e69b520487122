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
from orchestration.runtime import records
from orchestration.runtime.conductor import Conductor
from orchestration.runtime.drive import Tools
from orchestration.runtime.express import Result
from orchestration.runtime.history import Timer
from orchestration.runtime.machines import FixedMachines
from orchestration.tasks.registry import Tasks, Told

EXECUTION = "e"
MACHINE = "m"
BEGAN_AT = 1_700_000_000.0
ACK_WAIT_S = 5.0


@dataclass(frozen=True)
class Faults:
    """How often, for each append or delivery. None of them changes what an execution must come to."""

    unreachable: float = 0.0  # the worker learns not whether its append was stored
    killed: float = 0.0  # the worker dies with its append stored, or not
    twice: float = 0.0  # a message goes to a second worker while the first is at work


@dataclass(eq=False)
class Work:
    """A delivered message, as ``broker.pull.Delivery`` is."""

    world: "World"
    subject: str
    body: bytes
    at: float
    delivered: int = 1
    settled: bool = False
    stream_sequence: int = 0

    async def ack(self) -> None:
        self.settled = True

    async def nak(self, delay_s: float = 0.0) -> None:
        if not self.settled:
            self.settled = True
            self.world.again(self, delay_s)

    async def in_progress(self) -> None: ...

    async def term(self, reason: str = "") -> None:
        raise AssertionError(f"set apart: {self.subject}: {reason}")


@dataclass
class World:
    """``run()`` gives the whole history of one execution of ``machine``."""

    machine: Machine
    start: records.Start
    failures: dict[str, tuple[str, ...]]
    random: Random
    faults: Faults = field(default_factory=Faults)
    stored: list[Record] = field(default_factory=list)
    effects: dict[str, str] = field(default_factory=dict)
    deliveries: int = 0
    durable: bool = True
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
        work = Work(self, subject, body, self.clock())
        self._give(work)
        if self.random.random() < self.faults.twice:
            asyncio.get_running_loop().call_later(self.random.random(), self._give, self._copy(work))

    def again(self, work: Work, delay_s: float) -> None:
        asyncio.get_running_loop().call_later(max(delay_s, 0.001), self._give, self._copy(work))

    def _copy(self, work: Work) -> Work:
        return Work(self, work.subject, work.body, work.at, work.delivered + 1)

    def _give(self, work: Work) -> None:
        self.deliveries += 1
        assert self.deliveries < 500, "it is delivered for ever"
        conductor = self.random.choice(self._workers)
        task = asyncio.create_task(conductor._take(work))  # type: ignore[arg-type]
        self._tasks[task] = conductor
        task.add_done_callback(lambda task: self._taken(task, work))

    def _taken(self, task: asyncio.Task[None], work: Work) -> None:
        del self._tasks[task]
        if not task.cancelled() and (failed := task.exception()) is not None:
            raise failed
        if not work.settled:
            self.again(work, ACK_WAIT_S)

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
            wake = records.encode_timer(timer.name, timer.at)
            self._timers[timer.name] = asyncio.get_running_loop().call_later(delay_s, self.deliver, subject, wake)
        if b'"waiting":[]' not in body:
            for waiting in records.decode_outline(body).waiting:
                self._ask(waiting)
        if ended:
            self._ended.set()

    async def cancel(self, execution: str, timers: Sequence[str], *, after: int) -> None:
        for timer in timers:
            if (handle := self._timers.pop(timer, None)) is not None:
                handle.cancel()

    # --- the outside ---

    def _ask(self, waiting: records.Waiting) -> None:
        key = (waiting.entry, waiting.attempt)
        if key not in self._answered:
            self._answered.add(key)
            wake = records.encode_wake(TaskSucceeded(waiting.entry, "yes", waiting.attempt))
            subject = records.callback_subject(EXECUTION, *key)
            asyncio.get_running_loop().call_later(10 + waiting.entry % 7, self.deliver, subject, wake)

    def told_at_once(self, task: RunTask) -> Told | None:
        return None if task.token is None else TaskSubmitted(task.entry, {})

    async def run_task(self, task: RunTask) -> Told:
        await asyncio.sleep(0.01 + task.entry % 5 / 100)
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
