"""How a branch moves: it enters a state, waits or leaves, fails, is retried or caught, and ends.

All transitions of the interpreter pass through here. A branch moves until it waits for something outside of the
interpreter or has ended; an event for a branch deep in the tree changes copies of the branches above it only.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from orchestration.asl.distributed import react_to_map_run, redrive_distributed
from orchestration.asl.errors import DATA_LIMIT, QUERY, RUNTIME, TIMEOUT, PassedOn, QueryFailed, StatesError
from orchestration.asl.fanout import (
    begin_fan,
    child_place,
    drop_children,
    go_on,
    joined,
    record_aborted,
    record_failed,
    resume_fan,
)
from orchestration.asl.limits import size_of
from orchestration.asl.machine import (
    AnyState,
    Catcher,
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    PassState,
    Recovery,
    SucceedState,
    TaskState,
    WaitState,
)
from orchestration.asl.protocol import (
    HeartbeatReceived,
    Json,
    StopExecution,
    TaskFailed,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from orchestration.asl.recovery import catch_of, error_output, retry_of, wait_s
from orchestration.asl.state import Branch, Ended, Waiting, begun_children
from orchestration.asl.steps import (
    Outcome,
    assign,
    begin_choice,
    begin_fail,
    begin_pass,
    begin_succeed,
    begin_wait,
    placed,
    resume_wait,
)
from orchestration.asl.tasks import begin_task, react_to_task, record_failure
from orchestration.asl.turn import Leave, Place, Turn

Moved = Branch | Ended
TaskEvent = TaskStarted | TaskSucceeded | TaskFailed | TaskSubmitted | HeartbeatReceived
BranchEvent = TaskEvent | TimerFired


class Following(NamedTuple):
    """The state to enter next, with what it gets; ``last`` is the event that leads to it."""

    state: str
    document: Json
    last: int
    variables: dict[str, Json]


def walk(turn: Turn, place: Place, following: Following) -> Moved:
    """Enters the state and goes on until the branch waits or ends."""
    while True:
        name, document, last, variables = following
        if turn.is_long:
            return _pause(turn, following)
        state = place.graph.states[name]
        entry = turn.record(f"{state.type}StateEntered", last, {"name": name, "input": document})
        branch = Branch(name, entry, turn.now.at, document, entry, variables=variables)
        try:
            outcome = _BEGIN[type(state)](turn, state, place, branch)
        except StatesError as error:
            outcome = _failed(turn, state, place, branch, error)
        moved = _follow(turn, state, branch, outcome)
        if not isinstance(moved, Following):
            return moved
        following = moved


def resume(turn: Turn, place: Place, remains: Branch, last: int) -> Moved:
    """Goes on where a branch had failed or was stopped, in the same state entry; its retries begin anew."""
    branch = remains.clone()
    if branch.waiting is Waiting.TURN and branch.children is None:
        return walk(turn, place, Following(branch.state, branch.input, last, branch.variables))
    branch.earlier, branch.retries, branch.retry_count = branch.attempt, {}, 0
    branch.last, branch.waiting, branch.timers = last, None, {}
    branch.token, branch.submitted, branch.parameters = None, False, None
    state = place.graph.states[branch.state]
    try:
        if isinstance(state, MapState) and branch.map_run:
            outcome = redrive_distributed(turn, state, place, branch)
        elif isinstance(state, ParallelState | MapState) and branch.children is not None:
            outcome = resume_fan(turn, state, place, branch, resume, _walk_child)
        else:
            outcome = _BEGIN[type(state)](turn, state, place, branch)
    except StatesError as error:
        outcome = _failed(turn, state, place, branch, error)
    moved = _follow(turn, state, branch, outcome)
    return walk(turn, place, moved) if isinstance(moved, Following) else moved


def find(branch: Branch, entry: int) -> list[int] | None:
    """The way to the branch that stands in ``entry``: indexes of children."""
    if branch.entry == entry:
        return []
    for index, node in enumerate(begun_children(branch.children or ())):
        if isinstance(node, Branch) and (way := find(node, entry)) is not None:
            return [index, *way]
    return None


def at(branch: Branch, way: list[int]) -> Branch:
    for index in way:
        node = (branch.children or [])[index]
        assert isinstance(node, Branch), "find gives ways to branches only"
        branch = node
    return branch


def awaits(branch: Branch, event: BranchEvent) -> bool:
    """Whether the event still means something to the branch that it names."""
    if isinstance(event, TimerFired):
        due = branch.timers.get(event.timer)
        return due is not None and not event.is_past(due)
    if event.attempt is not None and event.attempt != branch.attempt:
        return False
    if isinstance(event, TaskSubmitted):
        return branch.waiting is Waiting.OUTSIDE and not branch.submitted
    if isinstance(event, TaskSucceeded | TaskFailed):
        return branch.waiting is Waiting.TASK or branch.waiting is Waiting.OUTSIDE
    if branch.map_run or branch.waiting is not Waiting.OUTSIDE:
        return False
    return isinstance(event, HeartbeatReceived) or not branch.started


def deliver(turn: Turn, place: Place, branch: Branch, way: list[int], event: BranchEvent) -> Moved:
    """Gives the event to the branch at ``way``, which awaits it, and moves it and all above it on."""
    branch = branch.clone()
    if not way and branch.waiting is Waiting.TURN:
        return walk(turn, place, Following(branch.state, branch.input, branch.last, branch.variables))
    state = place.graph.states[branch.state]
    try:
        if way:
            outcome = _through(turn, state, place, branch, way, event)
        elif isinstance(event, TimerFired):
            outcome = _react_to_timer(turn, state, place, branch, event)
        elif isinstance(state, MapState):
            assert isinstance(event, TaskSucceeded | TaskFailed | TaskSubmitted), "it awaits the end of a map run"
            outcome = react_to_map_run(turn, state, place, branch, event)
        else:
            assert isinstance(state, TaskState), "only tasks await other events"
            outcome = react_to_task(turn, state, place, branch, event)
    except StatesError as error:
        outcome = _failed(turn, state, place, branch, error)
    moved = _follow(turn, state, branch, outcome)
    return walk(turn, place, moved) if isinstance(moved, Following) else moved


def _through(turn: Turn, state: AnyState, place: Place, branch: Branch, way: list[int], event: BranchEvent) -> Outcome:
    assert isinstance(state, ParallelState | MapState), "only these have branches below"
    children = branch.children or []
    index, child = way[0], at(branch, way[:1])
    children[index] = deliver(turn, child_place(turn, state, place, branch, index), child, way[1:], event)
    return joined(turn, state, place, branch, index, _walk_child)


def _react_to_timer(turn: Turn, state: AnyState, place: Place, branch: Branch, event: TimerFired) -> Outcome:
    turn.cancel_timers(branch, fired=event.timer)
    waited = branch.waiting
    if isinstance(state, TaskState) and waited is Waiting.OUTSIDE:
        if branch.job:
            turn.commands.append(StopExecution(branch.job))
            branch.job = ""
        error = PassedOn(TIMEOUT)  # a missed heartbeat too is States.Timeout
        record_failure(turn, state, branch, error)
        raise error
    if isinstance(state, WaitState):
        return resume_wait(turn, state, place, branch)
    if isinstance(state, ParallelState | MapState) and waited is Waiting.CHILDREN:
        return go_on(turn, state, place, branch, _walk_child, branch.started)
    branch.waiting = None  # the wait before a retry is over
    return _BEGIN[type(state)](turn, state, place, branch)


def _follow(turn: Turn, state: AnyState, branch: Branch, outcome: Outcome) -> Moved | Following:
    if not isinstance(outcome, Leave):
        return outcome
    turn.cancel_timers(branch)
    details: dict[str, Json] = {"name": state.name, "output": outcome.output}
    variables = branch.variables
    if outcome.assigned:
        details["assignedVariables"] = outcome.assigned
        variables = {**variables, **outcome.assigned}
    last = turn.record(f"{state.type}StateExited", branch.last, details)
    if outcome.next is None:
        return Ended(last, output=outcome.output)
    return Following(outcome.next, outcome.output, last, variables)


def _failed(turn: Turn, state: AnyState, place: Place, branch: Branch, error: StatesError) -> Outcome:
    """Retry, else Catch, else the branch ends."""
    turn.cancel_timers(branch)
    drop_children(turn, branch)
    remains, branch.children = branch.children, None
    if isinstance(state, ParallelState | MapState) and error.error != RUNTIME:
        record_aborted(turn, state, remains or ())
    cause, by_task = error.cause, isinstance(error, PassedOn)
    if not by_task and error.error != DATA_LIMIT:
        cause = within(state, branch, cause)
    if isinstance(error, QueryFailed):
        record_query_failure(turn, state, branch, cause, error.location)
    recovery: Recovery = getattr(state, "recovery", _NO_RECOVERY)
    index = retry_of(recovery, branch, error.error, by_task=by_task)
    if index is not None:
        made = branch.retries.get(index, 0)
        branch.retries = {**branch.retries, index: made + 1}
        branch.retry_count += 1
        branch.waiting = Waiting.RETRY
        turn.set_timer(branch, Waiting.RETRY, turn.scaled(wait_s(recovery.retriers[index], made, turn.now.u)))
        return branch
    if isinstance(state, ParallelState | MapState):
        record_failed(turn, state, branch, error.error)
    catcher = catch_of(recovery, error.error, by_task=by_task)
    if catcher is None:
        branch.children = remains
        return Ended(branch.last, failed=True, error=error.error, cause=cause, remains=branch)
    return _caught(turn, state, place, branch, catcher, error_output(error.error, cause))


def _caught(
    turn: Turn, state: AnyState, place: Place, branch: Branch, catcher: Catcher, found: dict[str, Json]
) -> Outcome:
    env = turn.env(place, branch, retried=True)
    env.error_output = found
    try:
        output = placed(catcher.result_path, branch.input, found)
        if catcher.output is not None:
            output = catcher.output.fill(found, env)
        turn.weigh(size_of(output, f"The state/task '{state.name}' returned a result"))
        return Leave(output, catcher.next, assign(turn, catcher.assign, found, env))
    except QueryFailed as problem:
        cause = within(state, branch, problem.cause)
        record_query_failure(turn, state, branch, cause, problem.location)
        return Ended(branch.last, failed=True, error=problem.error, cause=cause, remains=branch)
    except StatesError as problem:
        return Ended(branch.last, failed=True, error=problem.error, cause=problem.cause, remains=branch)


def within(state: AnyState, branch: Branch, cause: str | None) -> str:
    """AWS's words for an error of the state itself."""
    where = f"the state '{state.name}' (entered at the event id #{branch.entry})"
    return f"An error occurred while executing {where}. {cause}"


def record_query_failure(turn: Turn, state: AnyState, branch: Branch, cause: str | None, location: str) -> None:
    details: dict[str, Json] = {"cause": cause, "error": QUERY, "location": location, "state": state.name}
    branch.last = turn.record("EvaluationFailed", branch.last, details)


def _pause(turn: Turn, following: Following) -> Branch:
    """Lets the shell append what there is; the timer brings the branch back at once."""
    name, document, last, variables = following
    branch = Branch(name, last, turn.now.at, document, last, waiting=Waiting.TURN, variables=variables)
    turn.set_timer(branch, Waiting.TURN, 0.0)
    return branch


def _walk_child(turn: Turn, place: Place, document: Json, last: int) -> Moved:
    return walk(turn, place, Following(place.graph.start_at, document, last, {}))


def _begin_fan(turn: Turn, state: ParallelState | MapState, place: Place, branch: Branch) -> Outcome:
    return begin_fan(turn, state, place, branch, _walk_child)


_NO_RECOVERY: Final = Recovery()
_BEGIN: Final[dict[type, Callable[[Turn, Any, Place, Branch], Outcome]]] = {
    PassState: begin_pass,
    TaskState: begin_task,
    ChoiceState: begin_choice,
    WaitState: begin_wait,
    SucceedState: begin_succeed,
    FailState: begin_fail,
    ParallelState: _begin_fan,
    MapState: _begin_fan,
}
