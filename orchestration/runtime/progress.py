"""How far an execution has come, as one worker knows it: what is stored, and what its next append will say.

Nothing is done that is not derived from what is stored: the start, or an append. Hence the one shortcut: what follows
from the start alone (the first call) needs no append of its own, and is told by the one that tells how the call ended.

Must not know who brings events, nor perform anything.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from broker.read import Record
from broker.server import MAX_PAYLOAD_BYTES
from orchestration.asl.errors import DATA_LIMIT
from orchestration.asl.interpreter import ExecutionState, Machine, Status, cut_short, outstanding
from orchestration.asl.protocol import (
    CancelTimer,
    Command,
    ExecutionStarted,
    HistoryEvent,
    Input,
    Now,
    RedriveRequested,
    RunTask,
    SetTimer,
    StopExecution,
    StopMapRun,
    StopRequested,
)
from orchestration.asl.state import Waiting as WaitsFor
from orchestration.asl.turn import EXECUTION_TIMER
from orchestration.errors import Unreadable
from orchestration.rfc3339 import epoch_s, rfc3339
from orchestration.runtime.callers import ITEM, Ending, ending_of, tell
from orchestration.runtime.express import ExpressObserver, Follow, nobody
from orchestration.runtime.first import first_now
from orchestration.runtime.gist import branches, summary
from orchestration.runtime.history import History, Timer
from orchestration.runtime.machines import Machines
from orchestration.runtime.pacing import PACING
from orchestration.runtime.records import Append, Origin, Post, Start, Waiting, decode_append, stop_subject
from orchestration.runtime.turns import Turns
from orchestration.runtime.wakes import encode_wake
from orchestration.tasks.registry import Tasks

SIT_OUT_S = 5.0
MOST_BYTES = MAX_PAYLOAD_BYTES - 64 * 1024  # the rest is for the headers
JOBS = (".sync", ".sync:2")  # tasks that end with the job that they start


class Observer(ExpressObserver, Protocol):
    """Who counts. ``advanced`` and ``ended`` are told after the append that makes it true."""

    def advanced(self, events: list[HistoryEvent]) -> None: ...

    def ended(self, status: str, began_at: str) -> None: ...

    def stepped(self, seconds: float) -> None:
        """One advance of the interpreter took so long."""
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
    follow: Follow = nobody
    turns: Turns = field(default_factory=Turns)


@dataclass
class Progress:
    """Mutable. ``number`` tells this worker's appends from those of an earlier drive here. ``with_broker`` names the
    timers whose wake messages are stored; every other one is this worker's to sit out. ``unheard``: the events of the
    last ``advance`` that concerned nothing.
    """

    tools: Tools
    number: int
    execution: str
    machine: Machine
    machine_name: str
    began_at: str
    origin: Origin = field(default_factory=Origin)
    state: ExecutionState = field(default_factory=ExecutionState.initial)
    sequence: int = 0
    asked: dict[str, None] = field(default_factory=dict)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    with_broker: set[str] = field(default_factory=set)
    redrives: int = 0
    redriven_at: str = ""
    unheard: list[Input] = field(default_factory=list)
    stopped_at: str = ""
    stored: ExecutionState = field(default_factory=ExecutionState.initial)
    _found: ExecutionState = field(default_factory=ExecutionState.initial)
    _cut: bool = False
    _events: list[HistoryEvent] = field(default_factory=list)
    _timers: dict[str, Timer] = field(default_factory=dict)
    _cancelled: dict[str, None] = field(default_factory=dict)
    _stopping: list[str] = field(default_factory=list)

    @classmethod
    def fresh(
        cls, tools: Tools, number: int, execution: str, machine: Machine, start: Start, began_at: float
    ) -> "Progress":
        """``began_at``: epoch seconds of the start."""
        return cls(tools, number, execution, machine, start.machine, rfc3339(began_at), start.origin)

    @classmethod
    def resumed(
        cls, tools: Tools, number: int, execution: str, machine: Machine, found: Append, sequence: int
    ) -> "Progress":
        progress = cls(tools, number, execution, machine, found.machine, found.began_at, found.origin)
        progress._take_up(found, sequence)
        return progress

    def __post_init__(self) -> None:
        self.stored = self._found = self.state

    @property
    def ended(self) -> bool:
        return self.state.status is not Status.RUNNING

    @property
    def ended_in_store(self) -> bool:
        return self.stored.status is not Status.RUNNING

    @property
    def moved(self) -> bool:
        """Whether anything has changed since it was found."""
        return self.state is not self._found

    def rebase(self, found: Record) -> None:
        """Go on from another's append; what was not stored is forgotten."""
        self._take_up(decode_append(found.body), found.sequence)
        self._events, self._timers, self._cancelled, self._stopping = [], {}, {}, []

    def _take_up(self, found: Append, sequence: int) -> None:
        self.state = self.stored = self._found = ExecutionState.from_json(found.checkpoint)
        self.sequence = sequence
        self.asked = dict.fromkeys(found.asked)
        self.waiting = {w.entry: w for w in found.waiting}
        self.summary = found.summary
        self.with_broker = set(found.timers)
        self.redrives, self.redriven_at = found.redrives, found.redriven_at
        self.stopped_at = found.stopped_at

    async def advance(self, events: Sequence[Input]) -> list[Command]:
        """Take the events, and store what came of them; what is left to perform."""
        async with self.in_turn():
            return await self._advance(events)

    def in_turn(self) -> AbstractAsyncContextManager[None]:
        """An item waits for its turn, and anybody else makes the items' turns fewer: see ``turns``."""
        caller = self.origin.caller
        if caller is not None and caller.form == ITEM:
            return self.tools.turns.of_item()
        self.tools.turns.of_another()
        return nullcontext()

    async def _advance(self, events: Sequence[Input]) -> list[Command]:
        before = self.state
        self.unheard = []
        commands = [command for event in events for command in await self._step(event)]
        if self.state is not before and not self._derived_from_start(events, commands):
            await self._append()
        return commands

    async def _step(self, event: Input) -> list[Command]:
        """One advance, and those that need nothing from outside; what is left to perform."""
        now = self._now(event)
        began = time.perf_counter()
        step = await PACING.advance(self.machine_name, self.machine, self.state, event, now, self._token_of)
        self.tools.observer.stepped(time.perf_counter() - began)
        if not step.changed:
            self.unheard.append(event)
            return []
        self.state = step.state
        self._events += step.history
        if isinstance(event, RedriveRequested):
            self.redrives, self.redriven_at = event.number, rfc3339(now.at)
        if self.waiting:
            alive = {branch.entry for branch in branches(self.state.root) if branch.waiting is WaitsFor.OUTSIDE}
            self.waiting = {entry: w for entry, w in self.waiting.items() if entry in alive}
        commands: list[Command] = []
        for command in step.commands:
            self._note(command, now.at)
            told = self.tools.tasks.told_at_once(command) if isinstance(command, RunTask) else None
            commands += [command] if told is None else await self._step(told)
        return commands

    def _now(self, event: Input) -> Now:
        if isinstance(event, ExecutionStarted):
            return first_now(self.execution, self.began_at)
        return Now(self.tools.clock(), self.tools.random())

    def _note(self, command: Command, now: float) -> None:
        match command:
            case RunTask(entry, _, resource):
                self.asked[resource] = None
                if command.token is not None or resource.endswith(JOBS):
                    self.waiting[entry] = Waiting(entry, resource, command.attempt, now)
            case SetTimer(timer, at) if self._outside(at, now):
                self._timers[timer] = Timer(timer, at)
                self._cancelled.pop(timer, None)
            case SetTimer(timer) | CancelTimer(timer):
                self._timers.pop(timer, None)
                if timer in self.with_broker:
                    self.with_broker.remove(timer)
                    self._cancelled[timer] = None
            case StopMapRun(token) | StopExecution(token):
                self._stopping.append(token)

    def _derived_from_start(self, events: Sequence[Input], commands: Sequence[Command]) -> bool:
        """True where this worker is about to make the first call, and the outside has nothing to wait for."""
        return (
            len(events) == 1
            and isinstance(events[0], ExecutionStarted)
            and not self._timers
            and any(isinstance(command, RunTask) and command.token is None for command in commands)
        )

    async def _append(self) -> None:
        status = self.state.status
        self.with_broker |= self._timers.keys()
        if self.with_broker:
            self.with_broker &= self._open_timers()
        self.summary = self._summary()
        self.stopped_at = rfc3339(self._events[-1].at) if self.ended else ""
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
            stopped_at=self.stopped_at,
            redrives=self.redrives,
            redriven_at=self.redriven_at,
            **vars(self.origin),
        )
        body = appended.encode()
        if len(body) > MOST_BYTES:
            await self._end_too_large(len(body))
            return
        append_id = f"{self.execution}.{self.sequence}.{self.tools.writer}.{self.number}"
        self.sequence = await self.tools.history.append(
            self.execution,
            body,
            after=self.sequence,
            append_id=append_id,
            timers=tuple(self._timers.values()),
            posts=self._posts(),
            ended=status if self.ended else "",
        )
        self.tools.observer.advanced(self._events)
        if self.ended:
            self.tools.observer.ended(status, self.began_at)
        self._events = []
        self._timers = {}
        self._stopping = []
        self.stored = self.state
        if self._cancelled:
            await self.tools.history.cancel(self.execution, tuple(self._cancelled), after=self.sequence)
            self._cancelled = {}

    async def _end_too_large(self, size: int) -> None:
        """No message can hold what comes next: go back to what is stored, and end it from there."""
        if self._cut:
            raise Unreadable(f"{self.execution}: an append of {size} bytes is more than the broker takes")
        stop = not self.ended and self.stored.started and self.stored.status is Status.RUNNING
        cause = f"The state of the execution would take {size} bytes; at most {MOST_BYTES} can be stored."
        first = [] if self.stored.started else self._events[:1]
        state = self._only_started() if first else self.stored
        self.state, self._events, self._timers, self._stopping = state, first, {}, []
        if stop:
            await self._step(StopRequested(DATA_LIMIT, cause))
        else:
            self._cut, self.waiting = True, {}
            now = Now(self.tools.clock(), 0.0)
            step = cut_short(self.machine, state, now, cause)
            self.state = step.state
            self._events += step.history
            for command in step.commands:
                self._note(command, now.at)
        await self._append()

    def _only_started(self) -> ExecutionState:
        """The execution as it was right after its first event."""
        state = self.state
        return ExecutionState(
            execution_id=state.execution_id,
            input=state.input,
            started_at=state.started_at,
            facts=state.facts,
            next_event=2,
            mock=state.mock,
        )

    def _posts(self) -> tuple[Post, ...]:
        """What others are told together with this append."""
        caller = self.origin.caller
        if not (self._stopping or caller):
            return ()
        stopping = StopRequested(None, None)
        stops = tuple(Post(stop_subject(run), encode_wake(stopping)) for run in self._stopping)
        if caller is None or caller.form == ITEM or not self.ended:
            return stops
        return (*stops, tell(caller, self._ending()))

    def end_of_item(self) -> Post | None:
        """What a map run is to be told when this is an item of it that has ended; see ``Drive.run``."""
        caller = self.origin.caller
        if caller is None or caller.form != ITEM or not self.ended_in_store:
            return None
        return tell(caller, self._ending())

    def _ending(self) -> Ending:
        return ending_of(self.state, self.origin.arn, epoch_s(self.began_at), epoch_s(self.stopped_at))

    def _summary(self) -> Mapping[str, Any]:
        """Why it ended, or waits: for readers of the last append."""
        if self._events or self.ended:
            return summary(self.state, self._events, waits=bool(self.waiting))
        return self.summary

    def ours(self, commands: Sequence[Command]) -> list[Command]:
        """All but the waits that are the broker's: by what was stored, for another worker's clock may have differed."""
        return [c for c in commands if not (isinstance(c, SetTimer) and c.timer in self.with_broker)]

    def open_now(self) -> list[Command]:
        """What is to be performed by whoever holds the execution."""
        return self.ours(outstanding(self.machine, self.state))

    async def store_long(self, commands: Sequence[Command]) -> None:
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
        return deadline.union(*(branch.timers for branch in branches(self.state.root)))

    def _outside(self, at: float, now: float) -> bool:
        return self.tools.history.durable and at - now > self.tools.sit_out_s

    def _token_of(self, entry: int, attempt: int) -> str:
        return self.tools.token_of(self.execution, entry, attempt)
