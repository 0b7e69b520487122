"""One state run alone by the interpreter, as TestState wants it: no stream, no other state, time that never passes.

Whatever the state leads to is a stand-in that ends the run, so that what became of the state can be read off the
history: its end, a retry, the Catch that took its error, or the next state.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from orchestration.asl.interpreter import ExecutionState, Machine, Status, load_machine
from orchestration.asl.machine import TaskState
from orchestration.asl.protocol import (
    ExecutionStarted,
    HistoryEvent,
    Input,
    Json,
    Now,
    RunTask,
    SetTimer,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from orchestration.asl.state import Waiting
from orchestration.runtime.pacing import Pacing

StateDefinition = dict[str, Any]
Told = TaskSucceeded | TaskSubmitted | TaskFailed
Perform = Callable[[RunTask], Awaitable[Told]]

EXECUTION: Final = "arn:aws:states:us-east-1:000000000000:execution:TestState:TestState"
_VARIABLES: Final = "\u2063variables"
_CATCH: Final = "\u2063catch "
_NEXT: Final = "\u2063next "
_STAND_IN: Final = {"Type": "Succeed"}


@dataclass(frozen=True)
class Setting:
    """What surrounds the state: its language, the variables and the context object that it sees, and the instant.

    ``retries_made`` is how often each of its retriers was used before.
    """

    language: str
    at: float
    chance: float = 0.0
    variables: Mapping[str, Json] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    retries_made: int = 0


@dataclass(frozen=True)
class Ran:
    """``retry``: the retrier that took the error, and its pause in seconds; ``catch``: the catcher that took it."""

    succeeded: bool
    output: Json = None
    next_state: str | None = None
    assigned: Mapping[str, Json] = field(default_factory=dict)
    error: str | None = None
    cause: str | None = None
    retry: tuple[int, float] | None = None
    catch: int | None = None


async def nothing_to_perform(task: RunTask) -> Told:
    raise AssertionError(f"{task.resource} is not to be called")


async def run_state(
    name: str, state: StateDefinition, document: Json, setting: Setting, perform: Perform = nothing_to_perform
) -> Ran:
    """Raises ``asl.errors.DefinitionInvalid``."""
    targets: dict[str, str] = {}
    redirected = _redirected(state, targets)
    machine = _machine(name, redirected, targets, setting)
    run = _Run(machine, name, targets, setting, perform)
    return await run.through(document)


def _machine(name: str, state: StateDefinition, targets: Mapping[str, str], setting: Setting) -> Machine:
    states: dict[str, Any] = dict.fromkeys(targets, _STAND_IN)
    states[name] = {**state, "QueryLanguage": setting.language}
    start = name
    if setting.variables:
        paths = {f"{variable}.$": f"$.variables['{variable}']" for variable in setting.variables}
        states[_VARIABLES] = {"Type": "Pass", "Assign": paths, "OutputPath": "$.input", "Next": name}
        start = _VARIABLES
    return load_machine({"StartAt": start, "States": states})


def _redirected(state: StateDefinition, targets: dict[str, str]) -> StateDefinition:
    """With a stand-in of its own for each way out; ``targets`` learns which state each stands for."""

    def stand_in(kind: str, target: Any) -> Any:
        if not isinstance(target, str):
            return target
        made = f"{kind}{len(targets)}"
        targets[made] = target
        return made

    changed = dict(state)
    for way in ("Next", "Default"):
        if way in changed:
            changed[way] = stand_in(_NEXT, changed[way])
    for ways, kind in (("Choices", _NEXT), ("Catch", _CATCH)):
        if isinstance(changed.get(ways), list):
            changed[ways] = [
                {**rule, "Next": stand_in(kind, rule.get("Next"))} if isinstance(rule, dict) else rule
                for rule in changed[ways]
            ]
    return changed


class _Run:
    def __init__(
        self, machine: Machine, name: str, targets: Mapping[str, str], setting: Setting, perform: Perform
    ) -> None:
        self._machine = machine
        self._name = name
        self._targets = targets
        self._setting = setting
        self._perform = perform
        self._at = setting.at
        self._state = ExecutionState.initial()
        self._history: list[HistoryEvent] = []
        self._pacing = Pacing()

    async def through(self, document: Json) -> Ran:
        variables = dict(self._setting.variables)
        given = {"variables": variables, "input": document} if variables else document
        pending: Input | None = ExecutionStarted(EXECUTION, given, dict(self._setting.facts))
        while pending is not None:
            before = {} if self._state.root is None else self._state.root.retries
            await asyncio.sleep(0)  # a long run is many advances: others have their turn in between
            now = Now(self._at, self._setting.chance)
            step = await self._pacing.advance(self._name, self._machine, self._state, pending, now, _no_token)
            self._state = step.state
            self._history += step.history
            pending = None
            for command in step.commands:
                match command:
                    case SetTimer(timer, at) if timer.startswith(f"{Waiting.RETRY}:"):
                        return self._retried(before, at - self._at)
                    case SetTimer(timer, at) if timer.startswith((f"{Waiting.CLOCK}:", f"{Waiting.TURN}:")):
                        self._at, pending = max(at, self._at), TimerFired(timer)
                    case RunTask():
                        pending = await self._told(command)
        return self._ended()

    async def _told(self, task: RunTask) -> Told:
        root, made = self._state.root, self._setting.retries_made
        state = self._machine.graph.states[self._name]
        if made and root is not None and isinstance(state, TaskState):
            retries = dict.fromkeys(range(len(state.recovery.retriers)), made)
            self._state.root = replace(root, retries=retries)
        return await self._perform(task)

    def _retried(self, before: Mapping[int, int], pause_s: float) -> Ran:
        after = {} if self._state.root is None else self._state.root.retries
        made = self._setting.retries_made
        index = next((at for at, count in after.items() if count != max(made, before.get(at, 0))), 0)
        return Ran(False, retry=(index, pause_s))

    def _ended(self) -> Ran:
        after = [place for place, event in enumerate(self._history) if self._is_of_state(event, "StateExited")]
        if not after:
            return Ran(self._state.status is Status.SUCCEEDED, error=self._state.error, cause=self._state.cause)
        left, rest = self._history[after[0]], self._history[after[0] + 1 :]
        following = next((event for event in rest if event.type.endswith("StateEntered")), None)
        stand_in = None if following is None else following.details["name"]
        target = None if stand_in is None else self._targets[stand_in]
        catchers = [name for name in self._targets if name.startswith(_CATCH)]
        return Ran(
            True,
            output=left.details.get("output"),
            next_state=target,
            assigned=left.details.get("assignedVariables") or {},
            catch=catchers.index(stand_in) if stand_in in catchers else None,
        )

    def _is_of_state(self, event: HistoryEvent, kind: str) -> bool:
        return event.type.endswith(kind) and event.details.get("name") == self._name


def _no_token(entry: int, attempt: int) -> str:
    return ""
