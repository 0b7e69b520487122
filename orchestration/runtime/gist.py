"""What a drive must know of events and of an execution's state, without driving. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from orchestration.asl.interpreter import ExecutionState, Status
from orchestration.asl.protocol import HistoryEvent, Input
from orchestration.asl.state import Branch, begun_children

# What is told at once shares an append up to here.
GROUP_EVENTS: Final = 100
GROUP_BYTES: Final = 128 * 1024
_FAILURES: Final = frozenset({"TaskFailed", "TaskSubmitFailed", "TaskTimedOut"})


def summary(state: ExecutionState, events: Sequence[HistoryEvent], *, waits: bool) -> Mapping[str, Any]:
    """Why an execution ended with these events, or ``waits`` for the outside."""
    if state.status is not Status.RUNNING:
        fail = [event.details["name"] for event in events if event.type == "FailStateEntered"]
        return {"error": state.error, "cause": state.cause, "failed_in": fail[-1] if fail else None}
    failures = [event.details for event in events if event.type in _FAILURES] if waits else []
    return {name: failures[-1].get(name) for name in ("error", "cause")} if failures else {}


def small_groups(events: Sequence[Input]) -> Iterator[Sequence[Input]]:
    """A payload is told several times in the append that follows it, and an append must fit into one message."""
    if len(events) == 1:
        yield events
        return
    group: list[Input] = []
    size = 0
    for event in events:
        weight = len(orjson.dumps(event))
        if group and (size + weight > GROUP_BYTES or len(group) == GROUP_EVENTS):
            yield group
            group, size = [], 0
        group.append(event)
        size += weight
    yield group


def branches(root: Branch | None) -> Iterator[Branch]:
    """Every branch of the tree that is still running."""
    stack: list[object] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Branch):
            yield node
            stack.extend(begun_children(node.children or ()))
