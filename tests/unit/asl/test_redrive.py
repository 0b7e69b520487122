"""Redrive: what had failed or was stopped runs again, and nothing else; and the history of an activity."""

from collections.abc import Iterable
from typing import Any

import orjson

from orchestration.asl.interpreter import ExecutionState, Status, advance, outstanding, redrivable
from orchestration.asl.protocol import (
    ExecutionStarted,
    HeartbeatReceived,
    Input,
    Now,
    RedriveRequested,
    RunTask,
    StopRequested,
    TaskFailed,
    TaskStarted,
    TaskSucceeded,
)
from tests.unit.asl.world import World, failing, single, states, succeeding, world

TASK = {"Type": "Task", "Resource": "x:y", "End": True}
ACTIVITY = "arn:aws:states:us-east-1:111111111111:activity:a"


def redriven(run: World, number: int = 1) -> World:
    """Redrives, and goes on as ``World.run`` does."""
    run.give(RedriveRequested(number))
    while run.state.status is Status.RUNNING and (event := run.next_event()) is not None:
        run.give(event)
    return run


def test_a_failed_task_is_scheduled_again_in_the_same_state_entry() -> None:
    machine = states("A", A={"Type": "Pass", "Result": {"a": 1}, "Next": "B"}, B=TASK)
    run = world(machine, failing("E", "why", times=1, then={"done": True})).run()
    assert (run.state.status, redrivable(run.machine, run.state)) == (Status.FAILED, True)
    failed_at = len(run.history)
    redriven(run)
    assert (run.state.status, run.state.output) == (Status.SUCCEEDED, {"done": True})
    again = run.history[failed_at:]
    assert [event.type for event in again] == [
        "ExecutionRedriven",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]
    assert (again[0].previous, again[0].details) == (failed_at, {"redriveCount": 1})
    assert again[1].previous == again[0].id
    assert [task.parameters for task in run.tasks] == [{"a": 1}, {"a": 1}]
    assert run.tasks[0].key == run.tasks[1].key
    assert [task.attempt for task in run.tasks] == [1, 2]
    assert not redrivable(run.machine, run.state)


def test_retries_begin_anew_and_no_attempt_has_the_number_of_an_earlier_one() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    run = redriven(world(single(**{**TASK, "Retry": retry}), failing("E")).run())
    assert [task.attempt for task in run.tasks] == [1, 2, 3, 4]
    assert run.state.status is Status.FAILED
    assert redriven(run, 2).state.redrives == 2


def test_a_redrive_that_was_made_or_is_not_the_next_is_ignored() -> None:
    run = world(single(**TASK), failing("E")).run()
    for number in (0, 2):
        step = advance(run.machine, run.state, RedriveRequested(number), Now(run.now, 0.5), lambda *_: "")
        assert not step.changed
    redriven(run)
    assert not advance(run.machine, run.state, RedriveRequested(1), Now(run.now, 0.5), lambda *_: "").changed


def test_what_succeeded_or_runs_cannot_be_redriven() -> None:
    run = world(single(**TASK), succeeding({})).run()
    assert not advance(run.machine, run.state, RedriveRequested(1), Now(run.now, 0.5), lambda *_: "").changed
    waiting = world(single(**TASK)).run()
    assert not advance(waiting.machine, waiting.state, RedriveRequested(1), Now(0.0, 0.5), lambda *_: "").changed


def by_parameters(table: dict[str, list[Any]]) -> Any:
    """Answers by the parameter ``n`` of the task: an error's name fails it."""

    def answer(task: RunTask) -> Iterable[Input]:
        told = table[task.parameters["n"]]
        found = told.pop(0) if told else None
        if found is None:
            return ()
        if found == "fail":
            return (TaskFailed(task.entry, "E", "why"),)
        return (TaskSucceeded(task.entry, found),)

    return answer


def branch(name: str) -> dict[str, Any]:
    return states(name, **{name: {**TASK, "Parameters": {"n": name}}})


def test_only_the_branches_that_failed_or_were_stopped_run_again() -> None:
    machine = single(Type="Parallel", Branches=[branch("a"), branch("b"), branch("c")])
    run = world(machine, by_parameters({"a": ["A"], "b": ["fail", "B"], "c": [None, "C"]})).run()
    assert run.state.status is Status.FAILED
    assert run.types[-3:] == ["TaskStateAborted", "ParallelStateFailed", "ExecutionFailed"]
    redriven(run)
    assert (run.state.status, run.state.output) == (Status.SUCCEEDED, ["A", "B", "C"])
    assert [task.parameters["n"] for task in run.tasks] == ["a", "b", "c", "b", "c"]
    assert run.types.count("ParallelStateStarted") == 1
    assert run.types[-2:] == ["ParallelStateExited", "ExecutionSucceeded"]


def test_only_the_iterations_that_failed_or_never_began_run() -> None:
    processor = states("I", I={**TASK, "Parameters": {"n.$": "$"}})
    machine = single(Type="Map", ItemProcessor=processor, MaxConcurrency=1)
    run = world(machine, by_parameters({"a": ["A"], "b": ["fail", "B"], "c": ["C"]})).run(["a", "b", "c"])
    assert run.state.status is Status.FAILED
    redriven(run)
    assert run.state.output == ["A", "B", "C"]
    assert [task.parameters["n"] for task in run.tasks] == ["a", "b", "b", "c"]


def test_a_stopped_wait_waits_again_and_tells_its_redrive() -> None:
    machine = states(
        "W",
        W={"Type": "Wait", "Seconds": 60, "Next": "P"},
        P={
            "Type": "Pass",
            "Parameters": {"n.$": "$$.Execution.RedriveCount", "at.$": "$$.Execution.RedriveTime"},
            "End": True,
        },
    )
    run = World(world(machine).machine)
    run.give(ExecutionStarted("e", {}))
    run.give(StopRequested("Manual", "probe"))
    assert (run.state.status, run.types) == (
        Status.ABORTED,
        ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"],
    )
    assert run.timers == {}
    redriven(run)
    assert run.state.output == {"n": 1, "at": "2023-11-14T22:13:20.000Z"}
    assert run.waits == [60.0]


def test_a_stop_of_before_the_last_redrive_does_not_stop_what_goes_on() -> None:
    run = World(world(single(Type="Wait", Seconds=60)).machine)
    run.give(ExecutionStarted("e", {}))
    run.give(StopRequested("Manual", "probe", 7))
    run.give(RedriveRequested(1, 9))
    run.state = ExecutionState.from_json(orjson.loads(orjson.dumps(run.state.to_json())))
    late = advance(run.machine, run.state, StopRequested("Manual", "probe", 7), Now(run.now, 0.5), lambda *_: "t")
    assert (late.changed, late.state.status) == (False, Status.RUNNING)
    run.give(StopRequested("Manual", "again", 10))
    assert (run.state.status, run.state.cause) == (Status.ABORTED, "again")


def test_a_machines_time_begins_anew() -> None:
    machine = {
        **single(Type="Task", Resource="x:y.waitForTaskToken", Parameters={"t.$": "$$.Task.Token"}),
        "TimeoutSeconds": 5,
    }
    run = world(machine).run()
    assert run.state.status is Status.TIMED_OUT
    run.give(RedriveRequested(1))
    assert run.state.deadline == run.now + 5
    assert [command.attempt for command in outstanding(run.machine, run.state) if isinstance(command, RunTask)] == [2]
    run.give(TaskSucceeded(run.tasks[-1].entry, {}, attempt=1))  # an answer to the old token
    assert run.state.status is Status.RUNNING
    run.give(TaskSucceeded(run.tasks[-1].entry, {}, attempt=2))
    assert run.state.status is Status.SUCCEEDED


def test_an_activity_begins_when_a_worker_takes_it() -> None:
    def taken(task: RunTask) -> Iterable[Input]:
        return (TaskStarted(task.entry, "worker-1"),)

    machine = single(Type="Task", Resource=ACTIVITY, HeartbeatSeconds=5, TimeoutSeconds=60)
    run = world(machine, taken).run({"a": 1})
    assert run.types[2:] == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut", "ExecutionFailed"]
    assert run.history[3].details == {"workerName": "worker-1"}
    assert run.waits == [5.0]
    alone = world(machine).run({})
    assert (alone.types[-1], alone.timers) == ("ActivityScheduled", {})  # its time begins when a worker takes it


def test_a_heartbeat_moves_an_activitys_time_and_a_second_worker_is_ignored() -> None:
    run = world(single(Type="Task", Resource=ACTIVITY, HeartbeatSeconds=5))
    run.give(ExecutionStarted("e", {}))
    entry = run.tasks[0].entry
    run.give(TaskStarted(entry, "one"))
    run.now += 3
    run.give(HeartbeatReceived(entry))
    assert run.timers[f"heartbeat:{entry}"] == run.now + 5
    told = len(run.history)
    run.give(TaskStarted(entry, "two"))
    assert len(run.history) == told
    run.give(TaskSucceeded(entry, {"ok": True}))
    assert run.state.output == {"ok": True}


def test_what_nothing_can_catch_ends_at_once() -> None:
    broken = {"Type": "Pass", "InputPath": "$.nope", "End": True}
    run = world(single(Type="Parallel", Branches=[states("B", B=broken)])).run()
    assert run.state.error == "States.Runtime"
    assert run.types == [
        "ExecutionStarted",
        "ParallelStateEntered",
        "ParallelStateStarted",
        "PassStateEntered",
        "ExecutionFailed",
    ]
