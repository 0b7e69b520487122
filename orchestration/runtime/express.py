"""An Express execution: driven in memory from its start to its end, five minutes at most; nothing of it is stored.

Whoever calls decides what a death in the middle means: a synchronous caller asks again or not (at most once), a start
message in the stream is delivered again (at least once). Its history goes to the log, if anywhere.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final, Protocol

from orchestration.asl.interpreter import ExecutionState, Machine, Status
from orchestration.asl.protocol import (
    Command,
    HistoryEvent,
    Input,
    Json,
    Now,
    RunTask,
    SetTimer,
    TimerFired,
)
from orchestration.asl.turn import EXECUTION_TIMER
from orchestration.runtime.callers import Ending
from orchestration.runtime.pacing import PACING
from orchestration.runtime.performing import Performing
from orchestration.runtime.records import Start
from orchestration.tasks.registry import Tasks
from orchestration.tracing import enter

LIMIT_S: Final = 300.0
NO_HISTORY_LIMIT: Final = 10**9
# What AWS bills in: duration by the tenth of a second, memory by the chunk.
BILLED_EVERY_MS: Final = 100
BILLED_MB: Final = 64


Hear = Callable[[list[HistoryEvent]], None]
Follow = Callable[[str, Start], Hear | None]


def nobody(execution: str, start: Start) -> None:
    """Nobody follows it."""


class ExpressObserver(Protocol):
    def calling(self, task: RunTask) -> None:
        """Called right before the call, whose effect may come about however the call ends."""
        ...

    def express_ended(self, result: "Result") -> None: ...


class ExpressTools(Protocol):
    """What an Express execution needs of a worker; ``drive.Tools`` has it all."""

    @property
    def tasks(self) -> Tasks: ...

    @property
    def observer(self) -> ExpressObserver: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def random(self) -> Callable[[], float]: ...

    @property
    def follow(self) -> Follow:
        """Who hears each advance's history of an execution (its token, its start); None: nobody does."""
        ...


@dataclass(frozen=True, kw_only=True)
class Result:
    """How it ended. Instants are epoch seconds."""

    arn: str
    machine_arn: str
    status: str
    input: Json
    output: Json
    error: str | None
    cause: str | None
    began_at: float
    stopped_at: float
    transitions: int

    @property
    def billed_ms(self) -> int:
        """Each tenth of a second that was begun, and one at least."""
        begun = ceil(round((self.stopped_at - self.began_at) * 1000, 3) / BILLED_EVERY_MS)
        return max(1, begun) * BILLED_EVERY_MS

    @property
    def billed_mb(self) -> int:
        return BILLED_MB

    @property
    def ending(self) -> Ending:
        """For its caller, if it has one."""
        return Ending(
            arn=self.arn,
            machine_arn=self.machine_arn,
            status=self.status,
            input=self.input,
            output=self.output,
            error=self.error,
            cause=self.cause,
            began_at=self.began_at,
            stopped_at=self.stopped_at,
        )


async def run_express(
    machine: Machine,
    start: Start,
    execution: str,
    tools: ExpressTools,
    *,
    log: Hear | None = None,
    limit_s: float = LIMIT_S,
) -> Result:
    """``execution`` is its token. Cancel it, and it is gone. ``log`` is given each advance's history."""
    hearers = tuple(hear for hear in (log, tools.follow(execution, start)) if hear is not None)
    run = _Run(replace(machine, history_limit=NO_HISTORY_LIMIT), start, execution, tools, hearers)
    await run.to_the_end(limit_s)
    result = run.result()
    tools.observer.express_ended(result)
    return result


@dataclass
class _Run:
    machine: Machine
    start: Start
    execution: str
    tools: ExpressTools
    hearers: tuple[Hear, ...]
    state: ExecutionState = field(default_factory=ExecutionState.initial)
    stopped_at: float = 0.0
    transitions: int = 0

    async def to_the_end(self, limit_s: float) -> None:
        ours = await self._step(self.start.first_input(self.execution))
        latest = self.state.started_at + limit_s
        self.state.deadline = latest if self.state.deadline is None else min(latest, self.state.deadline)
        performing = Performing(self._run_task, self.tools.clock)
        try:
            async with asyncio.timeout(self.state.deadline - self.tools.clock()) as limit:
                while self.state.status is Status.RUNNING:
                    performing.start(ours)
                    events = await performing.next()
                    if not (events or performing.busy):
                        raise RuntimeError(f"{self.execution} waits for what no Express execution can wait for")
                    ours = [command for event in events for command in await self._step(event)]
        except TimeoutError:
            if not limit.expired():
                raise
            await self._step(TimerFired(EXECUTION_TIMER))
        finally:
            await performing.stop()

    async def _step(self, event: Input) -> list[Command]:
        """One advance, and those that need nothing from outside; what is left to perform."""
        now = Now(self.tools.clock(), self.tools.random())
        step = await PACING.advance(self.start.machine, self.machine, self.state, event, now, _no_token)
        self.state = step.state
        self.stopped_at = now.at
        self.transitions += sum(1 for each in step.history if each.type.endswith("StateEntered"))
        if step.history:
            for hear in self.hearers:
                hear(list(step.history))
        commands: list[Command] = []
        for command in step.commands:
            told = self.tools.tasks.told_at_once(command) if isinstance(command, RunTask) else None
            if told is not None:
                commands += await self._step(told)
            elif not (isinstance(command, SetTimer) and command.timer == EXECUTION_TIMER):
                commands.append(command)
        return commands

    async def _run_task(self, task: RunTask) -> Input | None:
        self.tools.observer.calling(task)
        enter(self.start.trace_header)
        return await self.tools.tasks.run(self.execution, task)

    def result(self) -> Result:
        state = self.state
        machine: dict[str, Any] = state.facts.get("StateMachine", {})
        return Result(
            arn=state.execution_id,
            machine_arn=machine.get("Id", ""),
            status=state.status,
            input=state.input,
            output=state.output,
            error=state.error,
            cause=state.cause,
            began_at=state.started_at,
            stopped_at=self.stopped_at,
            transitions=self.transitions,
        )


def _no_token(entry: int, attempt: int) -> str:
    return ""
