"""Executions inside others: what is asked to be started, under which name, and how refusals read."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestration.asl.protocol import TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.tasks.child_executions import (
    ChildStart,
    ChildStarted,
    ChildTasks,
    Refused,
    Unreachable,
    Waiter,
    child_of,
)
from tests.unit.orchestration.task_samples import EXECUTION, run_task

START = "arn:aws:states:::states:startExecution"
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:child"


@dataclass
class Recording:
    problem: Exception | None = None
    asked: list[ChildStart] = field(default_factory=list)

    async def start_child(self, child: ChildStart) -> ChildStarted:
        self.asked.append(child)
        if self.problem is not None:
            raise self.problem
        return ChildStarted("arn:child", 1.5)


@pytest.mark.parametrize(
    ("pattern", "waiter"),
    [
        ("", None),
        (".waitForTaskToken", None),
        (".sync", Waiter("e~1", 7, 2, "sync")),
        (".sync:2", Waiter("e~1", 7, 2, "sync:2")),
    ],
)
async def test_only_who_waits_for_the_end_is_told_of_it(pattern: str, waiter: Waiter | None) -> None:
    executions = Recording()
    token = "t" if pattern == ".waitForTaskToken" else None
    task = run_task(START + pattern, {"StateMachineArn": MACHINE, "Input": {"a": 1}}, attempt=2, token=token)
    told = await ChildTasks(executions).run("e~1", task)
    assert isinstance(told, TaskSubmitted if pattern else TaskSucceeded)
    assert (told.output["ExecutionArn"], told.output["StartDate"]) == ("arn:child", 1500)
    (child,) = executions.asked
    assert (child.machine_arn, child.input, child.waiter) == (MACHINE, '{"a":1}', waiter)


def test_a_repeated_attempt_starts_the_same_child_and_a_retry_another() -> None:
    task, again = [run_task(START, {"StateMachineArn": MACHINE}) for _ in range(2)]
    retried = run_task(START, {"StateMachineArn": MACHINE}, attempt=2)
    assert child_of("e", task) == child_of("e", again)
    assert child_of("e", task).name != child_of("e", retried).name
    assert child_of("e", task).started_by == f"{EXECUTION}:7:1"
    assert child_of("e", run_task(START, {"StateMachineArn": MACHINE, "Name": "own"})).name == "own"
    assert child_of("e", task).input == "{}"


@pytest.mark.parametrize(
    ("problem", "parameters", "error"),
    [
        (Refused("StateMachineDoesNotExist", "no"), {}, "StepFunctions.StateMachineDoesNotExistException"),
        (Refused("ExecutionAlreadyExists", "no"), {}, "StepFunctions.ExecutionAlreadyExistsException"),
        (Refused("ValidationException", "no"), {}, "StepFunctions.ValidationException"),
        (Unreachable("no"), {}, "StepFunctions.SdkClientException"),
        (None, {"Unknown": 1}, "StepFunctions.ValidationException"),
        (None, {"StateMachineArn": None}, "StepFunctions.ValidationException"),
    ],
)
async def test_what_cannot_be_started(problem: Exception | None, parameters: dict[str, Any], error: str) -> None:
    task = run_task(START, {"StateMachineArn": MACHINE, **parameters})
    told = await ChildTasks(Recording(problem)).run("e", task)
    assert isinstance(told, TaskFailed)
    assert told.error == error
