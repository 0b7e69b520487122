"""The outside of the interpreter in memory: a clock that jumps to the next timer, and scripted answers to tasks.

After every advance the checkpoint goes through JSON text, so that whatever is not in it is missed by every test.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from orchestration.asl.interpreter import ExecutionState, Machine, Status, advance, load_machine
from orchestration.asl.protocol import (
    CancelTimer,
    Command,
    ExecutionStarted,
    HistoryEvent,
    Input,
    Now,
    RunTask,
    SetTimer,
    StopExecution,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)

MAX_ADVANCES = 20_000
Answer = Callable[[RunTask], Iterable[Input]]


def nobody_answers(task: RunTask) -> Iterable[Input]:
    return ()


@dataclass
class World:
    machine: Machine
    answer: Answer = nobody_answers
    u: float = 0.5
    now: float = 1_700_000_000.0
    state: ExecutionState = field(default_factory=ExecutionState.initial)
    history: list[HistoryEvent] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    mail: list[Input] = field(default_factory=list)
    tasks: list[RunTask] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    execution_id: str = "execution-1"
    facts: dict[str, Any] = field(default_factory=dict)

    def give(self, event: Input) -> None:
        step = advance(self.machine, self.state, event, Now(self.now, self.u), lambda entry, attempt: f"token-{entry}")
        self.state = ExecutionState.from_json(orjson.loads(orjson.dumps(step.state.to_json())))
        self.history += step.history
        self.perform(step.commands)

    def perform(self, commands: Iterable[Command]) -> None:
        for command in commands:
            match command:
                case SetTimer(timer, at):
                    self.timers[timer] = at
                case CancelTimer(timer):
                    self.timers.pop(timer, None)
                case RunTask():
                    self.tasks.append(command)
                    self.mail += self.answer(command)
                case StopExecution(execution):
                    self.stopped.append(execution)

    def next_event(self) -> Input | None:
        if self.mail:
            return self.mail.pop(0)
        if not self.timers:
            return None
        timer = min(self.timers, key=lambda name: self.timers[name])
        at = self.timers.pop(timer)
        self.waits.append(at - self.now)
        self.now = max(self.now, at)
        return TimerFired(timer)

    def run(self, document: Any = None) -> "World":
        """Until the execution has ended, or nothing more will happen."""
        self.give(ExecutionStarted(self.execution_id, {} if document is None else document, self.facts))
        for _ in range(MAX_ADVANCES):
            event = self.next_event() if self.state.status is Status.RUNNING else None
            if event is None:
                return self
            self.give(event)
        raise AssertionError("the execution does not end")

    def state_of(self, entry: int) -> str:
        """The name of the state that was entered by event ``entry``."""
        return str(self.history[entry - 1].details["name"])

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.history]

    def entered(self) -> list[str]:
        return [event.details["name"] for event in self.history if event.type.endswith("StateEntered")]


def world(definition: dict[str, Any], answer: Answer = nobody_answers, *, u: float = 0.5, **options: Any) -> World:
    return World(load_machine(definition, **options), answer, u)


def states(start: str, **definitions: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": start, "States": definitions}


def single(**state: Any) -> dict[str, Any]:
    """A machine of one state, called S."""
    ends = {} if state["Type"] in ("Succeed", "Fail", "Choice") else {"End": True}
    return states("S", S={**ends, **state})


def output_of(definition: dict[str, Any], document: Any = None, answer: Answer = nobody_answers) -> Any:
    run = world(definition, answer).run(document)
    assert run.state.status is Status.SUCCEEDED, (run.state.error, run.state.cause)
    return run.state.output


def failure_of(
    definition: dict[str, Any], document: Any = None, answer: Answer = nobody_answers
) -> tuple[str | None, str | None]:
    run = world(definition, answer).run(document)
    assert run.state.status is Status.FAILED
    return run.state.error, run.state.cause


def succeeding(output: Any) -> Answer:
    return lambda task: (TaskSucceeded(task.entry, output),)


def failing(error: str | None, cause: str | None = None, *, times: int | None = None, then: Any = None) -> Answer:
    """Fails every attempt, or the first ``times`` of all."""
    seen: list[RunTask] = []

    def answer(task: RunTask) -> Iterable[Input]:
        seen.append(task)
        if times is None or len(seen) <= times:
            return (TaskFailed(task.entry, error, cause),)
        return (TaskSucceeded(task.entry, then),)

    return answer
