"""A Map of very many items: an advance and a checkpoint cost what has begun, not what is still to come."""

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.asl.interpreter import ExecutionState, advance, load_machine, outstanding
from orchestration.asl.protocol import ExecutionStarted, Now, RunTask, SetTimer, TaskSucceeded, TimerFired

TASK = {"Type": "Task", "Resource": "http://payment/charges", "End": True}
MANY = 130_000


def wide(**more: Any) -> Any:
    each = {"Type": "Map", "ItemProcessor": {"StartAt": "T", "States": {"T": TASK}}, "End": True, **more}
    return load_machine({"StartAt": "Each", "States": {"Each": each}})


def started(machine: Any, items: list[int]) -> Any:
    arn = "arn:aws:states:us-east-1:000000000000:execution:m:e"
    start = ExecutionStarted(arn, items, {}, "")
    return advance(machine, ExecutionState.initial(), start, Now(1.0, 0.5), lambda *_: "t")


def test_what_has_not_begun_is_counted_and_not_listed() -> None:
    step = started(wide(), [0] * MANY)
    kept = step.state.to_json()
    assert len(kept["root"].pop("children")) == len(step.state.root.children) - kept["root"]["unbegun"] == 40
    kept["root"].pop("input")
    kept.pop("input")
    assert len(orjson.dumps(kept)) < 10_000


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(0, 3), st.randoms())
def test_a_checkpoint_in_the_middle_changes_nothing(count: int, at_once: int, random: Any) -> None:
    machine = wide(MaxConcurrency=at_once)
    step = started(machine, list(range(count)))
    state, todo = step.state, list(step.commands)
    while todo:
        state = ExecutionState.from_json(orjson.loads(orjson.dumps(state.to_json())))
        assert {c.entry for c in todo if isinstance(c, RunTask)} == {
            c.entry for c in outstanding(machine, state) if isinstance(c, RunTask)
        }
        command = todo.pop(random.randrange(len(todo)))
        match command:
            case RunTask(entry):
                event: Any = TaskSucceeded(entry, command.parameters)
            case SetTimer(timer, at):
                event = TimerFired(timer, at)
        step = advance(machine, state, event, Now(2.0, 0.5), lambda *_: "t")
        state, todo = step.state, todo + list(step.commands)
    assert (state.status, state.output) == ("SUCCEEDED", list(range(count)))
