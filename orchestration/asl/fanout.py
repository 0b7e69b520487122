"""Parallel and inline Map: branches below a branch, and what becomes of them together.

The first failure fails the state; the other branches are dropped with their timers, and late answers of their tasks
find nobody. Children are started in order, so those not yet started (None) are always the tail.
"""

from collections.abc import Callable

from orchestration.asl.errors import RUNTIME, PassedOn, StatesError
from orchestration.asl.intrinsics import to_text
from orchestration.asl.limits import TURN_BYTES, TURN_EVENTS, size_of
from orchestration.asl.machine import MapState, ParallelState
from orchestration.asl.protocol import Json
from orchestration.asl.state import Branch, Ended, Waiting
from orchestration.asl.steps import Outcome, effective_input, finish, read
from orchestration.asl.turn import Leave, Place, Turn

FanState = ParallelState | MapState
WalkChild = Callable[[Turn, Place, Json, int], Branch | Ended]


def begin_fan(turn: Turn, state: FanState, place: Place, branch: Branch, walk: WalkChild) -> Outcome:
    """Starts the branches or iterations; also for each retry of the whole state."""
    branch.children, branch.started = None, 0
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
    started = next((index for index, node in enumerate(children) if node is None), len(children))
    running = sum(isinstance(node, Branch) for node in children)
    limit = _limit(turn, state, place, branch)
    while started < len(children) and (limit == 0 or running < limit):
        if turn.is_long(TURN_EVENTS, TURN_BYTES):
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
    for node in branch.children or ():
        if isinstance(node, Branch):
            turn.cancel_timers(node)
            drop_children(turn, node)
    branch.children = None


def record_failed(turn: Turn, state: FanState, branch: Branch) -> None:
    """No retry is left. A state that never started has no such event."""
    if branch.started:
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
        previous = branch.started
    return walk(turn, inner, given, previous)


def _end(turn: Turn, state: FanState, branch: Branch, index: int, node: Ended) -> None:
    branch.last = node.last
    if isinstance(state, MapState):
        ending = "Failed" if node.failed else "Succeeded"
        event = turn.record(f"MapIteration{ending}", node.last, {"name": state.name, "index": index})
        if not node.failed:
            branch.last = event
    if node.failed:
        raise PassedOn(node.error, node.cause)


def _finish(turn: Turn, state: FanState, place: Place, branch: Branch, children: list[Branch | Ended | None]) -> Leave:
    output = [node.output for node in children if isinstance(node, Ended)]
    size_of(output, f"The state/task '{state.name}' returned a result")
    turn.record(f"{state.type}StateSucceeded", branch.last, {})
    return finish(turn, state, state.shaping, branch, turn.env(place, branch, retried=True), output)


def _items(turn: Turn, state: MapState, place: Place, branch: Branch) -> list[Json]:
    env = turn.env(place, branch, retried=True)
    items = read(state.items_path, effective_input(state, branch, env), env)
    if not isinstance(items, list):
        raise StatesError(
            RUNTIME, f'Reference path "{state.items_path.text}" must point to array. Found: {to_text(items)[:1000]}'
        )
    return items


def _limit(turn: Turn, state: FanState, place: Place, branch: Branch) -> int:
    """How many iterations may run at once; 0: all."""
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
