"""The interpreter's two functions: ``advance`` and ``outstanding``. Everything else in this package serves them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from orchestration.asl.errors import DATA_LIMIT, RUNTIME, TIMEOUT, StatesError
from orchestration.asl.fanout import child_place, drop, reopen
from orchestration.asl.jsonata_bounds import Impatient, Patience
from orchestration.asl.limits import size_of
from orchestration.asl.loading import load_machine
from orchestration.asl.machine import Machine, MapState, ParallelState, TaskState
from orchestration.asl.protocol import (
    CancelTimer,
    Command,
    ExecutionStarted,
    HistoryEvent,
    Input,
    Now,
    RedriveRequested,
    SetTimer,
    StopRequested,
    TimerFired,
)
from orchestration.asl.state import Branch, Ended, ExecutionState, Status, Waiting, begun_children
from orchestration.asl.tasks import open_parameters, run_task
from orchestration.asl.turn import EXECUTION_TIMER, HistoryFull, Place, Turn, without_nones
from orchestration.asl.walking import BranchEvent, Following, at, awaits, deliver, find, resume, walk

__all__ = [
    "ExecutionState",
    "Impatient",
    "Machine",
    "Status",
    "Step",
    "advance",
    "cut_short",
    "load_machine",
    "outstanding",
    "redrivable",
]


@dataclass(frozen=True)
class Step:
    """What one advance gives: append ``history`` and ``state`` together, then perform ``commands``.

    An event that is late or that nobody awaits leaves all three as they were: ``changed`` is false, and there is
    nothing to append. A heartbeat changes a timer only: no history, but a new state.
    """

    state: ExecutionState
    commands: tuple[Command, ...]
    history: tuple[HistoryEvent, ...]
    changed: bool = True


def advance(
    machine: Machine,
    state: ExecutionState,
    event: Input,
    now: Now,
    token_of: Callable[[int, int], str],
    *,
    patience: int | None = None,
) -> Step:
    """Applies one event. ``state`` is left as it is; ``token_of`` gives the callback token of a state entry's attempt.

    Raises ``Impatient`` where the queries take more than ``patience`` steps.
    """
    unchanged = Step(state, (), (), changed=False)
    redriving = isinstance(event, RedriveRequested)
    if redriving != (state.status is not Status.RUNNING):
        return unchanged
    turn = Turn(machine, state.clone(), now, token_of, Patience(patience))
    try:
        if isinstance(event, RedriveRequested):
            if not redrivable(machine, state) or event.number != state.redrives + 1:
                return unchanged
            _redrive(turn, event)
        elif isinstance(event, ExecutionStarted):
            if state.started:
                return unchanged
            _start(turn, event)
        elif state.root is None:
            return unchanged
        elif isinstance(event, StopRequested):
            if 0 < event.sequence <= state.since:
                return unchanged
            _end(turn, Status.ABORTED, _stop(turn), event.error, event.cause)
        elif isinstance(event, TimerFired) and event.timer == EXECUTION_TIMER:
            if state.deadline is None or event.is_past(state.deadline):
                return unchanged
            _end(turn, Status.TIMED_OUT, _stop(turn), TIMEOUT, None)
        elif not _deliver(turn, state.root, event):
            return unchanged
    except HistoryFull:
        turn.commands.clear()  # they were of branches that are dropped here
        _stop(turn)
        turn.execution.remains = None
        last = turn.history[-1].id if turn.history else turn.execution.next_event - 1
        cause = f"The execution reached the maximum number of history events ({machine.history_limit})."
        _end(turn, Status.FAILED, last, RUNTIME, cause)
    return Step(turn.execution, tuple(turn.commands), tuple(turn.history))


def cut_short(machine: Machine, state: ExecutionState, now: Now, cause: str) -> Step:
    """Ends an execution that has grown beyond what can be stored; nothing is kept that a redrive could go on from."""
    turn = Turn(machine, state.clone(), now, lambda entry, attempt: "")
    last = _stop(turn) or state.next_event - 1
    turn.execution.remains, turn.execution.output = None, None
    _end(turn, Status.FAILED, last, DATA_LIMIT, cause)
    return Step(turn.execution, tuple(turn.commands), tuple(turn.history))


def redrivable(machine: Machine, state: ExecutionState) -> bool:
    """Whether there is something to go on from, and room in the history."""
    return state.status in _UNSUCCESSFUL and state.remains is not None and state.next_event < machine.history_limit - 1


def outstanding(machine: Machine, state: ExecutionState) -> tuple[Command, ...]:
    """The tasks and timers that are still open: what a worker that takes over must do again, with the same keys."""
    if state.status is not Status.RUNNING or state.root is None:
        return ()
    turn = Turn(machine, state.clone(), Now(state.started_at, 0.0), lambda entry, attempt: "")
    commands = _open(turn, Place(machine.graph), state.root)
    return (*commands, *_deadline(state))


def _deadline(state: ExecutionState) -> tuple[Command, ...]:
    return () if state.deadline is None else (SetTimer(EXECUTION_TIMER, state.deadline),)


def _open(turn: Turn, place: Place, branch: Branch) -> list[Command]:
    state = place.graph.states[branch.state]
    commands: list[Command] = []
    waits_for_task = branch.waiting is Waiting.TASK or (branch.waiting is Waiting.OUTSIDE and not branch.submitted)
    if isinstance(state, TaskState) and waits_for_task:
        parameters = open_parameters(state, branch, turn.env(place, branch, retried=True))
        commands.append(run_task(turn.execution, state, branch, parameters))
    commands.extend(SetTimer(timer, when) for timer, when in branch.timers.items())
    if isinstance(state, MapState) and branch.map_run and not branch.submitted:
        commands.append(reopen(turn, state, place, branch))
    if isinstance(state, ParallelState | MapState) and branch.children:
        for index, node in enumerate(begun_children(branch.children)):
            if isinstance(node, Branch):
                commands.extend(_open(turn, child_place(turn, state, place, branch, index), node))
    return commands


_ENTRY = re.compile(r"[0-9]{1,9}")


def _start(turn: Turn, event: ExecutionStarted) -> None:
    execution, machine = turn.execution, turn.machine
    execution.execution_id = event.execution_id
    execution.facts = event.facts
    execution.mock = event.mock
    execution.started_at = turn.now.at
    try:
        turn.weigh(size_of(event.input, "The execution has an input"))
    except StatesError as refused:  # the door should have refused it; it must not reach the history
        _end(turn, Status.FAILED, turn.record("ExecutionStarted", 0, {"input": None}), refused.error, refused.cause)
        return
    execution.input = event.input
    turn.record("ExecutionStarted", 0, {"input": event.input})
    if machine.timeout_s is not None:
        execution.deadline = turn.now.at + turn.scaled(machine.timeout_s)
        turn.commands.extend(_deadline(execution))
    # AWS links the first state to nothing, as it does the start itself.
    _settle(turn, walk(turn, Place(machine.graph), Following(machine.graph.start_at, event.input, 0, {})))


def _redrive(turn: Turn, event: RedriveRequested) -> None:
    execution = turn.execution
    remains, execution.remains = execution.remains, None
    assert remains is not None, "redrivable says so"
    execution.status, execution.error, execution.cause = Status.RUNNING, None, None
    execution.redrives += 1
    execution.redriven_at = turn.now.at
    execution.since = event.sequence
    last = turn.record("ExecutionRedriven", execution.next_event - 1, {"redriveCount": execution.redrives})
    if turn.machine.timeout_s is not None:
        execution.deadline = turn.now.at + turn.scaled(turn.machine.timeout_s)
        turn.commands.extend(_deadline(execution))
    _settle(turn, resume(turn, Place(turn.machine.graph), remains, last))


def _deliver(turn: Turn, root: Branch, event: BranchEvent) -> bool:
    """False: nobody awaits it."""
    if isinstance(event, TimerFired):
        digits = event.timer.rpartition(":")[2]
        way = find(root, int(digits)) if _ENTRY.fullmatch(digits) else None
    else:
        way = find(root, event.entry)
    if way is None or not awaits(at(root, way), event):
        return False
    _settle(turn, deliver(turn, Place(turn.machine.graph), root, way, event))
    return True


def _settle(turn: Turn, moved: Branch | Ended) -> None:
    if isinstance(moved, Branch):
        turn.execution.root = moved
    elif moved.failed:
        turn.execution.remains = moved.remains
        _end(turn, Status.FAILED, moved.last, moved.error, moved.cause)
    else:
        turn.execution.output = moved.output
        _end(turn, Status.SUCCEEDED, moved.last, None, None)


def _stop(turn: Turn) -> int:
    """Drops every branch with its timers; gives the event that the execution's end is linked to."""
    root = turn.execution.root
    if root is None:
        return 0
    drop(turn, root)
    turn.execution.remains = root
    return root.last


_UNSUCCESSFUL: Final = frozenset({Status.FAILED, Status.TIMED_OUT, Status.ABORTED})
_ENDINGS = {
    Status.SUCCEEDED: "ExecutionSucceeded",
    Status.FAILED: "ExecutionFailed",
    Status.TIMED_OUT: "ExecutionTimedOut",
    Status.ABORTED: "ExecutionAborted",
}


def _end(turn: Turn, status: Status, last: int, error: str | None, cause: str | None) -> None:
    execution = turn.execution
    execution.status, execution.error, execution.cause, execution.root = status, error, cause, None
    if execution.deadline is not None:
        turn.commands.append(CancelTimer(EXECUTION_TIMER))
        execution.deadline = None
    details = {"output": execution.output} if status is Status.SUCCEEDED else without_nones(error=error, cause=cause)
    turn.record(_ENDINGS[status], last, details, ends=True)
