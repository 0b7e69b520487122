"""What mocks and jobs need of the interpreter: calls counted by state, a job's taking told, and its stop."""

from typing import Any

from orchestration.asl.interpreter import Status, outstanding
from orchestration.asl.protocol import (
    ExecutionStarted,
    RunTask,
    StopRequested,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
)
from orchestration.names import ExecutionName
from tests.unit.asl.world import World, single, states, world

MOCK = "m#case"
CHILD = ExecutionName("child", "c")


def run(made: World, document: Any = None, mock: str = MOCK) -> World:
    made.give(ExecutionStarted("e", {} if document is None else document, {}, mock))
    while made.state.status is Status.RUNNING and (event := made.next_event()) is not None:
        made.give(event)
    return made


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", **more}


def numbered(made: World) -> list[tuple[str, int]]:
    return [(asked.state, asked.call) for asked in made.tasks]


def test_calls_are_counted_over_retries_iterations_and_entries() -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 1}]
    loop = states("Each", Each=task(End=True, Retry=retry))
    again = {"Type": "Choice", "Choices": [{"Variable": "$[2]", "IsPresent": True, "Next": "Done"}], "Default": "Map"}
    definition = states(
        "Map",
        Map={"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": loop, "Next": "Again"},
        Again=again,
        Done=task(End=True),
    )
    seen: list[RunTask] = []

    def answer(asked: RunTask) -> Any:
        seen.append(asked)
        if len(seen) == 1:
            return (TaskFailed(asked.entry, "E", None),)
        return (TaskSucceeded(asked.entry, len(seen)),)

    made = run(world(definition, answer), [1, 2, 3])
    assert made.state.status is Status.SUCCEEDED
    assert numbered(made) == [("Each", 0), ("Each", 1), ("Each", 2), ("Each", 3), ("Done", 0)]
    assert {asked.mock for asked in seen} == {MOCK}


def test_who_takes_over_asks_with_the_same_number() -> None:
    processor = states("S", S=task(End=True))
    definition = states("Map", Map={"Type": "Map", "ItemProcessor": processor, "End": True})
    made = run(world(definition), [1, 2])
    assert numbered(made) == [("S", 0), ("S", 1)]
    again = [command for command in outstanding(made.machine, made.state) if isinstance(command, RunTask)]
    assert again == made.tasks


def test_nothing_is_counted_without_a_mock() -> None:
    made = run(world(single(**task())), mock="")
    assert (numbered(made), "calls" in made.state.to_json()) == ([("S", 0)], False)


def test_a_jobs_end_tells_its_taking_where_nobody_did_before() -> None:
    definition = single(Type="Task", Resource="arn:aws:states:::batch:submitJob.sync")
    made = run(
        world(definition, lambda asked: (TaskSucceeded(asked.entry, {"done": 1}, submitted={"id": "j"}),)), mock=""
    )
    assert made.types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    assert made.history[4].details["output"] == {"id": "j"}
    failed = run(world(definition, lambda asked: (TaskFailed(asked.entry, "E", None, submitted={}),)), mock="")
    assert failed.types[4:6] == ["TaskSubmitted", "TaskFailed"]


def child_task(**more: Any) -> dict[str, Any]:
    resource, parameters = "arn:aws:states:::states:startExecution.sync", {"StateMachineArn": "m"}
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, **more}


def started(asked: RunTask) -> Any:
    return (TaskSubmitted(asked.entry, {"ExecutionArn": CHILD.arn}),)


def test_a_child_is_stopped_once_nobody_waits_for_it() -> None:
    made = run(world(single(**child_task(TimeoutSeconds=5)), started), mock="")
    assert (made.state.error, made.stopped) == ("States.Timeout", [CHILD.token])
    made = run(world(single(**child_task()), started), mock="")
    made.give(StopRequested(None, None))
    assert made.stopped == [CHILD.token]
    ended = (TaskSucceeded(2, {"Status": "SUCCEEDED"}),)
    made = run(world(single(**child_task()), lambda asked: (*started(asked), *ended)), mock="")
    assert (made.state.status, made.stopped) == (Status.SUCCEEDED, [])
