"""Parallel and Map: branches below a branch, and what becomes of them together.

A distributed Map's iterations are executions of their own: see ``distributed``.

The first failure fails the state; the other branches are dropped with their timers, and late answers of their tasks
find nobody. Children are started in order, so those not yet started (None) are always the tail.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from orchestration.asl.distributed import begin_distributed, redrive_command, run_command, stop_command
from orchestration.asl.errors import RUNTIME, PassedOn, QueryFailed, StatesError
from orchestration.asl.intrinsics import to_text
from orchestration.asl.limits import size_of
from orchestration.asl.machine import MapState, ParallelState
from orchestration.asl.paths import Env
from orchestration.asl.protocol import CancelTimer, Json, RunTask, StopExecution
from orchestration.asl.state import Branch, Ended, Waiting, begun_children
from orchestration.asl.steps import Outcome, effective_input, finish, read
from orchestration.asl.templates import Template
from orchestration.asl.turn import Leave, Place, Turn

# AWS runs at most so many iterations of an inline Map at once, whatever MaxConcurrency says.
INLINE_LIMIT: Final = 40

FanState = ParallelState | MapState
Moved = Branch | Ended
WalkChild = Callable[[Turn, Place, Json, int], Moved]
Resume = Callable[[Turn, Place, Branch, int], Moved]


def begin_fan(turn: Turn, state: FanState, place: Place, branch: Branch, walk: WalkChild) -> Outcome:
    """Starts the branches or iterations; also for each retry of the whole state."""
    branch.children, branch.started, branch.items = None, 0, None
    if isinstance(state, MapState) and state.distribution is not None:
        limit = _limit(turn, state, place, branch)
        return begin_distributed(turn, state, place, branch, lambda: _items(turn, state, place, branch), limit)
    count = len(_items(turn, state, place, branch)) if isinstance(state, MapState) else len(state.branches)
    _limit(turn, state, place, branch)  # a wrong MaxConcurrencyPath fails the state before it starts
    details: dict[str, Json] = {"length": count} if isinstance(state, MapState) else {}
    branch.started = branch.last = turn.record(f"{state.type}StateStarted", branch.last, details)
    branch.waiting = Waiting.CHILDREN
    branch.children = [None] * count
    return go_on(turn, state, place, branch, walk, branch.started)


def go_on(turn: Turn, state: FanState, place: Place, branch: Branch, walk: WalkChild, previous: int) -> Outcome:
    """Starts what may start now; ends the state when nothing is left. ``previous`` links the next iteration's start."""
    children = branch.children or []
    begun = begun_children(children)
    started, running = len(begun), sum(isinstance(node, Branch) for node in begun)
    limit = _limit(turn, state, place, branch)
    at_once = len(children) if isinstance(state, ParallelState) else min(limit or INLINE_LIMIT, INLINE_LIMIT)
    while started < len(children) and running < at_once:
        if turn.is_long:
            turn.set_timer(branch, Waiting.TURN, 0.0)
            return branch
        node = _start(turn, state, place, branch, walk, started, previous)
        children[started] = node
        if isinstance(node, Branch):
            running += 1
        else:
            _end(turn, state, branch, started, node)
            previous = node.last if limit and started + 1 >= limit else branch.started
        started += 1
    if started == len(children) and running == 0:
        return _finish(turn, state, place, branch, children)
    return branch


def reopen(turn: Turn, state: MapState, place: Place, branch: Branch) -> RunTask:
    """The command of the map run that a distributed Map waits for."""
    assert state.distribution is not None
    if branch.map_redrives:
        return redrive_command(turn, branch)
    items = None if state.distribution.reader is not None else _items(turn, state, place, branch)
    return run_command(turn, state, place, branch, items)


def joined(turn: Turn, state: FanState, place: Place, branch: Branch, index: int, walk: WalkChild) -> Outcome:
    """A child has moved. Raises ``StatesError`` when it failed."""
    node = (branch.children or [])[index]
    if not isinstance(node, Ended):
        return branch
    _end(turn, state, branch, index, node)
    return go_on(turn, state, place, branch, walk, node.last)


def child_place(turn: Turn, state: FanState, place: Place, branch: Branch, index: int) -> Place:
    variables = {**place.variables, **branch.variables}
    if isinstance(state, ParallelState):
        return Place(state.branches[index], variables, place.item)
    return Place(state.processor, variables, {"Index": index, "Value": _items(turn, state, place, branch)[index]})


def drop_children(turn: Turn, branch: Branch) -> None:
    """Their tasks and timers are given up. What they were stays as it is: a redrive may go on from there."""
    for node in begun_children(branch.children or ()):
        if isinstance(node, Branch):
            drop(turn, node)


def drop(turn: Turn, branch: Branch) -> None:
    """Nobody will go on here: its timers, what it started elsewhere and all below it are given up."""
    turn.commands.extend(CancelTimer(timer) for timer in branch.timers)
    if branch.map_run:
        turn.commands.append(stop_command(branch))
    if branch.job:
        turn.commands.append(StopExecution(branch.job))
    drop_children(turn, branch)


def record_aborted(turn: Turn, state: FanState, children: Sequence[Branch | Ended | None]) -> None:
    """Whatever still ran below a state that fails."""
    for index, node in enumerate(children):
        if not isinstance(node, Branch) or (node.waiting is Waiting.TURN and node.children is None):
            continue
        graph = state.processor if isinstance(state, MapState) else state.branches[index]
        inner = graph.states[node.state]
        if isinstance(inner, ParallelState | MapState):
            record_aborted(turn, inner, node.children or ())
        turn.record(f"{inner.type}StateAborted", node.last, {})
        if isinstance(state, MapState):
            turn.record("MapIterationAborted", node.last, {"name": state.name, "index": index})


def record_failed(turn: Turn, state: FanState, branch: Branch, error: str | None) -> None:
    """No retry is left. A state that never started has no such event, nor one that States.Runtime ends at once."""
    if branch.started and error != RUNTIME:
        branch.last = turn.record(f"{state.type}StateFailed", branch.last, {})


def _start(
    turn: Turn, state: FanState, place: Place, branch: Branch, walk: WalkChild, index: int, previous: int
) -> Branch | Ended:
    inner = child_place(turn, state, place, branch, index)
    env = turn.env(place, branch, retried=True, item=inner.item)
    if isinstance(state, MapState):
        document = effective_input(state, branch, env)
        given = inner.item["Value"] if inner.item is not None else None
        if state.selector is not None:
            given = state.selector.fill(document, env)
            turn.weigh(size_of(given, f"The state/task '{state.name}' has an item"))
        previous = turn.record("MapIterationStarted", previous, {"name": state.name, "index": index})
    else:
        given = effective_input(state, branch, env)
        if state.shaping.parameters is not None:
            given = state.shaping.parameters.fill(given, env)
            turn.weigh(size_of(given, f"The state/task '{state.name}' has an input"))
        previous = branch.started
    return walk(turn, inner, given, previous)


def _end(turn: Turn, state: FanState, branch: Branch, index: int, node: Ended) -> None:
    branch.last = node.last
    if isinstance(state, MapState) and node.error != RUNTIME:
        ending = "Failed" if node.failed else "Succeeded"
        event = turn.record(f"MapIteration{ending}", node.last, {"name": state.name, "index": index})
        if not node.failed:
            branch.last = event
    if node.failed:
        raise PassedOn(node.error, node.cause)


def resume_fan(turn: Turn, state: FanState, place: Place, branch: Branch, resume: Resume, walk: WalkChild) -> Outcome:
    """A redrive: only the branches or iterations that had failed or were stopped run again."""
    children = branch.children or []
    last = branch.last
    for index, node in enumerate(children):
        remains = node.remains if isinstance(node, Ended) else node
        if remains is not None:
            again = resume(turn, child_place(turn, state, place, branch, index), remains, last)
            children[index] = again
            if isinstance(again, Ended):
                _end(turn, state, branch, index, again)
    branch.waiting = Waiting.CHILDREN
    return go_on(turn, state, place, branch, walk, last)


def _finish(turn: Turn, state: FanState, place: Place, branch: Branch, children: list[Branch | Ended | None]) -> Leave:
    output = [node.output for node in children if isinstance(node, Ended)]
    size_of(output, f"The state/task '{state.name}' returned a result")
    turn.record(f"{state.type}StateSucceeded", branch.last, {})
    return finish(turn, state, state.shaping, branch, turn.env(place, branch, retried=True), output)


def _items(turn: Turn, state: MapState, place: Place, branch: Branch) -> Any:
    """An array; for a distributed Map an object, too."""
    if branch.items is not None:
        return branch.items
    env = turn.env(place, branch, retried=True)
    if state.items is not None:
        branch.items = _queried_items(turn, state, state.items, env)
        return branch.items
    items = read(state.items_path, effective_input(state, branch, env), env)
    if isinstance(items, dict) and state.distribution is not None:
        return items
    if not isinstance(items, list):
        raise StatesError(
            RUNTIME, f'Reference path "{state.items_path.text}" must point to array. Found: {to_text(items)[:1000]}'
        )
    return items


def _queried_items(turn: Turn, state: MapState, template: Template, env: Env) -> list[Json]:
    """Kept with the branch: chance and clock may have gone into them."""
    items: list[Json] = template.fill(None, env)
    turn.weigh(size_of(items, f"The state/task '{state.name}' has items"))
    return items


def _limit(turn: Turn, state: FanState, place: Place, branch: Branch) -> int:
    """How many iterations may run at once; 0: all."""
    if isinstance(state, MapState) and state.concurrency is not None:
        found = state.concurrency(None, turn.env(place, branch, retried=True))
        if type(found) is not int or found < 0:
            raise QueryFailed(f"The MaxConcurrency field must be a non-negative integer: {found}", "MaxConcurrency")
        return found
    if isinstance(state, ParallelState) or state.max_concurrency_path is None:
        return 0 if isinstance(state, ParallelState) else state.max_concurrency
    env = turn.env(place, branch, retried=True)
    value = read(state.max_concurrency_path, effective_input(state, branch, env), env)
    if type(value) is not int or value < 0:
        raise StatesError(
            RUNTIME,
            f'The MaxConcurrencyPath field refers to value "{to_text(value)[:1000]}" which is not a valid integer: '
            f"{state.max_concurrency_path.text}",
        )
    return value
