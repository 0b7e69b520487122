"""Histories that the interpreter itself made, told as state entries."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from orchestration.asl.interpreter import load_machine
from orchestration.asl.protocol import HistoryEvent, Input, RunTask, StopRequested, TaskFailed, TaskSucceeded
from orchestration.orders.definition import order_machine
from orchestration.visibility.graph import graph_of
from orchestration.visibility.story import NO_TOKEN, Entry, EntryStatus, entries_of
from services.practices import parse_practices
from tests.unit.asl.world import World

TASK = {"Type": "Task", "Resource": "http://payment/charges"}
RETRY = {"ErrorEquals": ["Broken"], "IntervalSeconds": 1, "MaxAttempts": 2}


def machine(start_at: str, **states: Any) -> Any:
    return load_machine({"StartAt": start_at, "States": states})


def told(world: World) -> list[Entry]:
    return entries_of(world.history)


def failing(times: int, error: str = "Broken") -> Any:
    """Each task fails so often, then succeeds."""
    tries = Counter[int]()

    def answer(task: RunTask) -> Iterable[Input]:
        tries[task.entry] += 1
        if tries[task.entry] <= times:
            return [TaskFailed(task.entry, error, f"try {tries[task.entry]}")]
        return [TaskSucceeded(task.entry, {"done": True})]

    return answer


def test_a_task_that_is_retried_tells_every_attempt() -> None:
    world = World(machine("Charge", Charge={**TASK, "Retry": [RETRY], "End": True}), failing(2)).run({"x": 1})
    (entry,) = told(world)
    assert (entry.state, entry.type, entry.status) == ("Charge", "Task", EntryStatus.SUCCEEDED)
    assert (entry.input, entry.output, entry.error) == ({"x": 1}, {"done": True}, None)
    assert [(a.number, a.error, a.cause, a.output) for a in entry.attempts] == [
        (1, "Broken", "try 1", None),
        (2, "Broken", "try 2", None),
        (3, None, None, {"done": True}),
    ]
    assert entry.attempts[0].resource == "http://payment/charges"
    assert entry.attempts[1].asked_at > (entry.attempts[0].ended_at or 0)


def test_between_attempts_it_is_retrying() -> None:
    world = World(machine("Charge", Charge={**TASK, "Retry": [RETRY], "End": True}), failing(9)).run({})
    first_failure = next(at for at, event in enumerate(world.history, 1) if event.type == "TaskFailed")
    (entry,) = entries_of(world.history[:first_failure])
    assert (entry.status, entry.error, len(entry.attempts)) == (EntryStatus.RETRYING, "Broken", 1)


def test_a_caught_failure_is_not_the_end() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "After"}]
    world = World(
        machine("Charge", Charge={**TASK, "Catch": catch, "End": True}, After={"Type": "Pass", "End": True}), failing(9)
    ).run({})
    charge, after = told(world)
    assert (charge.status, charge.error, after.status) == (EntryStatus.CAUGHT, "Broken", EntryStatus.SUCCEEDED)


def test_what_ended_the_execution_has_failed() -> None:
    (charge,) = told(World(machine("Charge", Charge={**TASK, "End": True}), failing(9)).run({}))
    assert (charge.status, charge.error, charge.cause) == (EntryStatus.FAILED, "Broken", "try 1")
    (fail,) = told(World(machine("No", No={"Type": "Fail", "Error": "E", "Cause": "C"})).run({}))
    assert (fail.status, fail.error, fail.cause) == (EntryStatus.FAILED, "E", "C")


def test_what_was_stopped_was_left() -> None:
    world = World(machine("Charge", Charge={**TASK, "End": True})).run({})
    assert told(world)[0].status is EntryStatus.RUNNING
    world.give(StopRequested("Enough", None))
    assert told(world)[0].status is EntryStatus.ABORTED


def branch(name: str, state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": name, "States": {name: {**state, "End": True} if state["Type"] != "Fail" else state}}


def test_a_parallel_failure_leaves_the_other_branches() -> None:
    both = {
        "Type": "Parallel",
        "Branches": [branch("Slow", {"Type": "Wait", "Seconds": 5}), branch("No", {"Type": "Fail", "Error": "E"})],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "After"}],
        "End": True,
    }
    world = World(machine("Both", Both=both, After={"Type": "Pass", "End": True})).run({})
    entries = {entry.state: entry for entry in told(world)}
    assert {name: entry.status for name, entry in entries.items()} == {
        "Both": EntryStatus.CAUGHT,
        "Slow": EntryStatus.ABORTED,
        "No": EntryStatus.FAILED,
        "After": EntryStatus.SUCCEEDED,
    }
    around = entries["Both"].id
    assert [(entries[name].inside, entries[name].index) for name in ("Slow", "No", "After")] == [
        (around, 0),
        (around, 1),
        (0, 0),
    ]


def test_iterations_of_a_map_know_their_item_and_what_they_are_inside_of() -> None:
    inner = {"Type": "Map", "ItemProcessor": branch("Leaf", {"Type": "Pass"})}
    outer = {"Type": "Map", "ItemProcessor": branch("Inner", inner), "End": True}
    world = World(machine("Outer", Outer=outer)).run([[1, 2], [3]])
    entries = told(world)
    by_id = {entry.id: entry for entry in entries}
    leaves = [entry for entry in entries if entry.state == "Leaf"]
    assert [(by_id[leaf.inside].state, by_id[leaf.inside].index, leaf.index, leaf.input) for leaf in leaves] == [
        ("Inner", 0, 0, 1),
        ("Inner", 0, 1, 2),
        ("Inner", 1, 0, 3),
    ]
    assert all(entry.status is EntryStatus.SUCCEEDED for entry in entries)
    assert [entry.length for entry in entries if entry.type == "Map"] == [2, 2, 1]
    assert entries[0].output == [[1, 2], [3]]


def test_a_retried_map_begins_again() -> None:
    processor = branch("Charge", TASK)
    world = World(
        machine("Each", Each={"Type": "Map", "ItemProcessor": processor, "Retry": [RETRY], "End": True}),
        lambda task: (
            [TaskFailed(task.entry, "Broken", None)]
            if len(world.tasks) <= 1
            else [TaskSucceeded(task.entry, task.entry)]
        ),
    )
    world.run([1])
    each, first, second = told(world)
    assert (each.status, len(each.attempts)) == (EntryStatus.SUCCEEDED, 2)
    assert (first.status, second.status) == (EntryStatus.FAILED, EntryStatus.SUCCEEDED)


def test_the_order_machine_marks_what_it_undoes() -> None:
    definition = order_machine(
        parse_practices("hardened"),
        time_scale=1.0,
        approval_threshold_cents=50_000,
        approval_timeout_s=60.0,
        call_timeout_s=1.0,
    )

    def answer(task: RunTask) -> Iterable[Input]:
        refused = task.resource == "http://warehouse/reservations"
        return [TaskFailed(task.entry, "OutOfStock", "none left") if refused else TaskSucceeded(task.entry, {})]

    order = {"order_id": "o-1", "total_cents": 7}
    world = World(load_machine(definition), answer).run({"order": order})
    undoes = {node.name: node.undoes for node in graph_of(definition).nodes if node.undoes}
    entries = entries_of(world.history, undoes)
    assert [(entry.state, entry.undoes) for entry in entries] == [
        ("Charge", None),
        ("Reserve", None),
        ("Release", "Reserve"),
        ("Refund", "Charge"),
        ("RolledBack", None),
    ]
    assert entries[1].status is EntryStatus.CAUGHT
    assert entries[-1].status is EntryStatus.FAILED


def test_tokens_are_not_told() -> None:
    token = "o-1.7.1." + "0123456789abcdef" * 2
    given = {"token": token, "nested": [f"say {token}!", 7], "order": "o-1"}
    names = {"resourceType": "approval", "resource": "ask.waitForTaskToken"}
    (entry,) = entries_of(
        [
            HistoryEvent(2, 0, "TaskStateEntered", 1.0, {"name": "Ask", "input": {}}),
            HistoryEvent(3, 2, "TaskScheduled", 1.0, {"parameters": given, **names}),
        ]
    )
    assert entry.attempts[0].given == {"token": NO_TOKEN, "nested": [f"say {NO_TOKEN}!", 7], "order": "o-1"}
