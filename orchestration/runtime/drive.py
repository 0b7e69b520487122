"""One execution in a worker's hands: advance, append, perform, repeat, until it ends or waits for the outside.

Nothing is done that is not derived from what is stored: the start, or an append. Hence the one shortcut: what follows
from the start alone (the first call) needs no append of its own, and is told by the one that tells how the call ended.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestration.asl.interpreter import ExecutionState, Machine, Status, advance, outstanding
from orchestration.asl.protocol import (
    CancelTimer,
    Command,
    ExecutionStarted,
    HistoryEvent,
    Input,
    Now,
    RunTask,
    SetTimer,
)
from orchestration.asl.state import Branch
from orchestration.asl.turn import EXECUTION_TIMER
from orchestration.rfc3339 import epoch_s, rfc3339
from orchestration.runtime.history import History, Timer
from orchestration.runtime.machines import Machines
from orchestration.runtime.performing import Performing
from orchestration.runtime.records import Append, Start, Waiting
from orchestration.tasks.registry import Tasks

SIT_OUT_S = 5.0
FAILURES = frozenset({"TaskFailed", "TaskTimedOut"})


class Observer(Protocol):
    """Who counts. ``advanced`` and ``ended`` are told after the append that makes it true."""

    def advanced(self, events: list[HistoryEvent]) -> None: ...

    def ended(self, status: str, began_at: str) -> None: ...

    def calling(self, task: RunTask) -> None:
        """Called right before the call, whose effect may come about however the call ends."""
        ...


@dataclass(frozen=True)
class Tools:
    """What every drive of one worker shares. ``writer`` is unique to this process."""

    machines: Machines
    tasks: Tasks
    history: History
    token_of: Callable[[str, int, int], str]
    observer: Observer
    writer: str
    clock: Callable[[], float]
    random: Callable[[], float]
    sit_out_s: float = SIT_OUT_S


@dataclass
class Drive:
    """Mutable, and owned by one task. ``number`` tells this drive's appends from those of an earlier one here.

    ``with_broker`` names the timers whose wake messages are stored; every other one is this worker's to sit out.
    """

    tools: Tools
    number: int
    execution: str
    machine: Machine
    machine_name: str
    began_at: str
    state: ExecutionState = field(default_factory=ExecutionState.initial)
    sequence: int = 0
    asked: dict[str, None] = field(default_factory=dict)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    with_broker: set[str] = field(default_factory=set)
    mail: asyncio.Queue[Input] | None = None
    _events: list[HistoryEvent] = field(default_factory=list)
    _timers: dict[str, Timer] = field(default_factory=dict)
    _cancelled: dict[str, None] = field(default_factory=dict)

    @classmethod
    def fresh(
        cls, tools: Tools, number: int, execution: str, machine: Machine, start: Start, began_at: float
    ) -> "Drive":
        """``began_at``: epoch seconds of the start's storing."""
        return cls(tools, number, execution, machine, start.machine, rfc3339(began_at))

    @classmethod
    def resumed(
        cls, tools: Tools, number: int, execution: str, machine: Machine, found: Append, sequence: int
    ) -> "Drive":
        return cls(
            tools,
            number,
            execution,
            machine,
            found.machine,
            found.began_at,
            state=ExecutionState.from_json(found.checkpoint),
            sequence=sequence,
            asked=dict.fromkeys(found.asked),
            waiting={w.entry: w for w in found.waiting},
            summary=found.summary,
            with_broker=set(found.timers),
        )

    @property
    def ended(self) -> bool:
        return self.state.status is not Status.RUNNING

    async def run(self, events: tuple[Input, ...], *, take_over: bool) -> bool:
        """Feed ``events``, then drive on. Returns when the execution has ended or waits for the outside.

        Where no event concerned the execution, and nobody who held it has died (``take_over``), it is left alone, for
        another worker may be driving it: False if there is something to drive. Raises ``Lost`` and
        ``HistoryUnreachable``.
        """
        before = self.state
        commands: Sequence[Command] = ()
        for event in events:
            commands = await self._advance(event)
        if self.ended:
            return True
        if not (len(events) == 1 and isinstance(events[0], ExecutionStarted)):
            commands = outstanding(self.machine, self.state)
        ours = self._ours(commands)
        if self.state is before and not take_over:
            return not ours
        await self._store_long(ours)
        await self._drive_on(self._ours(ours))
        return True

    async def _drive_on(self, commands: list[Command]) -> None:
        performing = Performing(self._run_task, self.tools.clock, self.mail)
        try:
            performing.start(commands)
            while not self.ended:
                told = await performing.next()
                if told is None:
                    return
                performing.start(self._ours(await self._advance(told)))
        finally:
            await performing.stop()

    async def _advance(self, event: Input) -> list[Command]:
        before = self.state
        commands = self._step(event)
        if self.state is not before and not self._derived_from_start(event, commands):
            await self._append()
        return commands

    def _step(self, event: Input) -> list[Command]:
        """One advance, and those that need nothing from outside; what is left to perform."""
        now = self._now(event)
        step = advance(self.machine, self.state, event, now, self._token_of)
        if not step.changed:
            return []
        self.state = step.state
        self._events += step.history
        if self.waiting:
            alive = {branch.entry for branch in _branches(self.state.root) if branch.token is not None}
            self.waiting = {entry: w for entry, w in self.waiting.items() if entry in alive}
        commands: list[Command] = []
        for command in step.commands:
            self._note(command, now.at)
            told = self.tools.tasks.told_at_once(command) if isinstance(command, RunTask) else None
            commands += [command] if told is None else self._step(told)
        return commands

    def _now(self, event: Input) -> Now:
        """What follows from the start is the same for whoever derives it, at the instant when it became durable."""
        if isinstance(event, ExecutionStarted):
            digest = hashlib.blake2b(self.execution.encode(), digest_size=6).digest()
            return Now(epoch_s(self.began_at), int.from_bytes(digest) / 2**48)
        return Now(self.tools.clock(), self.tools.random())

    def _note(self, command: Command, now: float) -> None:
        match command:
            case RunTask(entry, _, resource):
                self.asked[resource] = None
                if command.token is not None:
                    self.waiting[entry] = Waiting(entry, resource, command.attempt)
            case SetTimer(timer, at) if self._outside(at, now):
                self._timers[timer] = Timer(timer, at)
                self._cancelled.pop(timer, None)
            case SetTimer(timer) | CancelTimer(timer):
                self._timers.pop(timer, None)
                if timer in self.with_broker:
                    self.with_broker.remove(timer)
                    self._cancelled[timer] = None

    def _derived_from_start(self, event: Input, commands: Sequence[Command]) -> bool:
        """True where this worker is about to make the first call, and the outside has nothing to wait for."""
        return (
            isinstance(event, ExecutionStarted)
            and not self._timers
            and any(isinstance(command, RunTask) and command.token is None for command in commands)
        )

    async def _append(self) -> None:
        status = self.state.status
        self.with_broker |= self._timers.keys()
        if self.with_broker:
            self.with_broker &= self._open_timers()
        self.summary = self._summary()
        appended = Append(
            machine=self.machine_name,
            began_at=self.began_at,
            status=status,
            events=self._events,
            checkpoint=self.state.to_json(),
            asked=tuple(self.asked),
            waiting=tuple(self.waiting.values()),
            summary=self.summary,
            timers=tuple(sorted(self.with_broker)),
        )
        append_id = f"{self.execution}.{self.sequence}.{self.tools.writer}.{self.number}"
        self.sequence = await self.tools.history.append(
            self.execution,
            appended.encode(),
            after=self.sequence,
            append_id=append_id,
            timers=tuple(self._timers.values()),
        )
        self.tools.observer.advanced(self._events)
        if self.ended:
            self.tools.observer.ended(status, self.began_at)
        self._events = []
        self._timers = {}
        if self._cancelled:
            await self.tools.history.cancel(self.execution, tuple(self._cancelled))
            self._cancelled = {}

    def _summary(self) -> Mapping[str, Any]:
        """Why it ended, or waits: for readers of the last append."""
        if self.ended:
            fail = [event.details["name"] for event in self._events if event.type == "FailStateEntered"]
            return {"error": self.state.error, "cause": self.state.cause, "failed_in": fail[-1] if fail else None}
        if not self._events:
            return self.summary
        failures = [event.details for event in self._events if event.type in FAILURES] if self.waiting else []
        return {name: failures[-1].get(name) for name in ("error", "cause")} if failures else {}

    def _ours(self, commands: Sequence[Command]) -> list[Command]:
        """All but the waits that are the broker's: by what was stored, for another worker's clock may have differed."""
        return [c for c in commands if not (isinstance(c, SetTimer) and c.timer in self.with_broker)]

    async def _store_long(self, commands: Sequence[Command]) -> None:
        """Gives the broker what is too long to sit out and was never stored: by another clock, or an older program."""
        now = self.tools.clock()
        for command in commands:
            if isinstance(command, SetTimer) and self._outside(command.at, now):
                self._timers[command.timer] = Timer(command.timer, command.at)
        if self._timers:
            await self._append()

    def _open_timers(self) -> set[str]:
        """Those still waited for. One that has fired, or whose branch has ended, is no longer there."""
        if self.ended:
            return set()
        deadline = set() if self.state.deadline is None else {EXECUTION_TIMER}
        return deadline.union(*(branch.timers for branch in _branches(self.state.root)))

    def _outside(self, at: float, now: float) -> bool:
        return self.tools.history.durable and at - now > self.tools.sit_out_s

    async def _run_task(self, task: RunTask) -> Input:
        self.tools.observer.calling(task)
        return await self.tools.tasks.run(self.execution, task)

    def _token_of(self, entry: int, attempt: int) -> str:
        return self.tools.token_of(self.execution, entry, attempt)


def _branches(root: Branch | None) -> Iterator[Branch]:
    """Every branch of the tree that is still running."""
    stack: list[object] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Branch):
            yield node
            stack.extend(node.children or ())
