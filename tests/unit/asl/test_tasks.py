"""Tasks: keys, attempts, retries, catches, timeouts, heartbeats, callbacks, stops."""

from collections.abc import Iterable
from typing import Any

import pytest

from orchestration.asl.interpreter import Status, advance, outstanding
from orchestration.asl.protocol import (
    ExecutionStarted,
    HeartbeatReceived,
    Input,
    Now,
    RunTask,
    SetTimer,
    StopRequested,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)
from tests.unit.asl.world import World, failing, failure_of, output_of, single, states, succeeding, world


def token_of(entry: int, attempt: int) -> str:
    return f"token-{entry}-{attempt}"


def _start(document: Any = None) -> ExecutionStarted:
    return ExecutionStarted("execution-1", {} if document is None else document)


def task(**fields: Any) -> dict[str, Any]:
    return single(Type="Task", Resource="http://payment/charges", **fields)


def callback(**fields: Any) -> dict[str, Any]:
    return single(Type="Task", Resource="approval:ask.waitForTaskToken", **fields)


def retry(*errors: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(errors), **fields}]


def test_a_task_gets_its_parameters_and_gives_its_shaped_result() -> None:
    machine = task(
        InputPath="$.in",
        Parameters={"p.$": "$.x"},
        ResultSelector={"r.$": "$.deep"},
        ResultPath="$.out",
        OutputPath="$.out",
    )
    run = world(machine, succeeding({"deep": 2, "noise": 3})).run({"in": {"x": 1}})
    assert run.tasks[0].parameters == {"p": 1}
    assert run.state.output == {"r": 2}


def test_every_attempt_of_a_state_entry_has_the_same_key_and_another_entry_has_another() -> None:
    machine = states(
        "A",
        A={"Type": "Task", "Resource": "x:y", "Retry": retry("States.ALL"), "Next": "B"},
        B={"Type": "Choice", "Choices": [{"Variable": "$.again", "BooleanEquals": True, "Next": "A"}], "Default": "C"},
        C={"Type": "Succeed"},
    )
    answers = iter([("E", None), (None, {"again": True}), (None, {"again": False})])

    def answer(run: RunTask) -> tuple[TaskFailed | TaskSucceeded]:
        error, output = next(answers)
        return (TaskFailed(run.entry, error, None) if error else TaskSucceeded(run.entry, output),)

    run = world(machine, answer).run()
    keys = [done.key for done in run.tasks]
    assert run.state.status is Status.SUCCEEDED
    assert keys[0] == keys[1] != keys[2]
    assert [done.attempt for done in run.tasks] == [1, 2, 1]
    assert all(key.startswith("execution-1:") for key in keys)


def test_retry_waits_grow_and_are_capped() -> None:
    fields = {"IntervalSeconds": 3, "MaxAttempts": 4, "BackoffRate": 2.0, "MaxDelaySeconds": 10}
    run = world(task(Retry=retry("E", **fields)), failing("E")).run()
    assert run.state.error == "E"
    assert run.waits == pytest.approx([3, 6, 10, 10])


def test_full_jitter_is_uniform_below_the_delay() -> None:
    fields = {"IntervalSeconds": 4, "MaxAttempts": 2, "JitterStrategy": "FULL"}
    assert world(task(Retry=retry("E", **fields)), failing("E"), u=0.25).run().waits == pytest.approx([1, 2])


def test_the_defaults_of_a_retry_are_three_after_one_second_at_rate_two() -> None:
    run = world(task(Retry=retry("States.ALL")), failing("E")).run()
    assert run.waits == pytest.approx([1, 2, 4])


def test_retriers_count_apart_and_the_first_that_matches_decides() -> None:
    rules = [*retry("A", MaxAttempts=1), *retry("B", MaxAttempts=0), *retry("States.ALL", MaxAttempts=5)]
    answers = iter(["A", "C", "A"])
    run = world(task(Retry=rules), lambda run: (TaskFailed(run.entry, next(answers), None),)).run()
    assert (run.state.error, len(run.tasks)) == ("A", 3)
    assert len(world(task(Retry=rules), failing("B")).run().tasks) == 1


@pytest.mark.parametrize(
    ("error", "names", "taken"),
    [
        ("E", ["E"], True),
        ("E", ["F"], False),
        ("E", ["States.ALL"], True),
        (None, ["States.ALL"], True),
        ("E", ["States.TaskFailed"], True),
        ("States.Timeout", ["States.TaskFailed"], False),
        ("States.Timeout", ["States.Timeout"], True),
        ("States.Timeout", ["States.ALL"], True),
        ("States.Runtime", ["States.ALL"], False),
        ("States.Runtime", ["States.Runtime"], False),
        ("States.DataLimitExceeded", ["States.ALL"], True),
    ],
)
def test_which_rule_takes_which_error(error: str | None, names: list[str], taken: bool) -> None:
    machine = task(Catch=[{"ErrorEquals": names, "Next": "Caught"}])
    machine["States"]["Caught"] = {"Type": "Succeed"}
    run = world(machine, failing(error, "why")).run()
    assert (run.state.status is Status.SUCCEEDED) is taken
    if taken:
        assert run.state.output == {"Error": error, "Cause": "why"}


def test_catch_puts_the_error_into_the_raw_input_and_skips_output_path() -> None:
    machine = task(OutputPath="$.no", Catch=[{"ErrorEquals": ["E"], "ResultPath": "$.err", "Next": "Caught"}])
    machine["States"]["Caught"] = {"Type": "Succeed"}
    assert output_of(machine, {"a": 1}, failing("E", "C")) == {"a": 1, "err": {"Error": "E", "Cause": "C"}}


def test_catch_comes_after_the_last_retry() -> None:
    machine = task(Retry=retry("E", MaxAttempts=1), Catch=[{"ErrorEquals": ["E"], "Next": "Caught"}])
    machine["States"]["Caught"] = {"Type": "Succeed"}
    run = world(machine, failing("E")).run()
    assert (run.state.status, len(run.tasks)) == (Status.SUCCEEDED, 2)


def test_a_failure_without_a_name_ends_with_neither_error_nor_cause() -> None:
    assert failure_of(task(), answer=failing(None)) == (None, None)


def test_an_answer_that_is_too_large_fails_the_task_and_can_be_caught() -> None:
    machine = task(Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Caught"}])
    machine["States"]["Caught"] = {"Type": "Pass", "InputPath": "$.e.Error", "End": True}
    run = world(machine, succeeding("x" * 300_000)).run()
    assert run.state.output == "States.DataLimitExceeded"
    assert "TaskFailed" in run.types


def test_the_worker_is_told_the_timeout_of_a_task_that_it_runs_and_no_timer_is_set() -> None:
    run = world(task(TimeoutSeconds=10, HeartbeatSeconds=4), time_scale=0.5).run()
    assert (run.tasks[0].timeout_s, run.tasks[0].heartbeat_s, run.timers) == (5.0, 2.0, {})
    assert run.history[2].details["timeoutInSeconds"] == 10


def test_timeouts_may_come_from_paths() -> None:
    machine = task(TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$.h")
    run = world(machine).run({"t": 9, "h": 3})
    assert (run.tasks[0].timeout_s, run.tasks[0].heartbeat_s) == (9.0, 3.0)


def test_a_callback_has_a_token_in_its_context_and_waits_for_it() -> None:
    run = world(callback(Parameters={"token.$": "$$.Task.Token"})).run()
    assert run.tasks[0].token == run.tasks[0].parameters["token"] == "token-2"
    run.give(TaskSubmitted(2, {"sent": True}))
    run.give(TaskSucceeded(2, {"yes": True}))
    assert run.state.output == {"yes": True}
    assert run.types[2:7] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited"]


def test_a_callback_that_nobody_answers_times_out() -> None:
    run = world(callback(TimeoutSeconds=31_536_000)).run()
    assert run.waits == pytest.approx([31_536_000])
    assert (run.state.error, run.types[-2:]) == ("States.Timeout", ["TaskTimedOut", "ExecutionFailed"])


def test_a_missed_heartbeat_is_a_timeout_and_each_heartbeat_moves_it() -> None:
    run = world(callback(TimeoutSeconds=100, HeartbeatSeconds=10))
    started = run.now
    run.give(_start())
    run.now = started + 8
    run.give(HeartbeatReceived(2))
    assert run.timers["heartbeat:2"] == pytest.approx(started + 18)
    run.now = run.timers.pop("heartbeat:2")
    run.give(TimerFired("heartbeat:2"))
    assert (run.state.status, run.state.error, run.timers) == (Status.FAILED, "States.Timeout", {})


def test_an_answered_callback_takes_its_timers_back() -> None:
    run = world(callback(TimeoutSeconds=100, HeartbeatSeconds=10))
    run.give(_start())
    run.give(TaskSucceeded(2, {}))
    assert (run.state.status, run.timers) == (Status.SUCCEEDED, {})


@pytest.mark.parametrize(
    "event",
    [
        TaskSucceeded(2, {}),
        TaskSucceeded(99, {}),
        TaskFailed(2, "E", None),
        TaskSubmitted(2, {}),
        HeartbeatReceived(7),
        TimerFired("retry:2"),
        TimerFired("execution"),
        TimerFired("nonsense"),
        TimerFired("wait:" + "9" * 5000),
        TimerFired("timeout:2"),
    ],
)
def test_what_nobody_awaits_changes_nothing(event: Any) -> None:
    run = world(states("A", A={"Type": "Wait", "Seconds": 5, "End": True}))
    run.give(_start())
    step = advance(run.machine, run.state, event, Now(0.0, 0.0), token_of)
    assert (step.state is run.state, step.changed, step.commands, step.history) == (True, False, (), ())


def test_a_late_answer_to_an_attempt_that_timed_out_does_not_count_twice() -> None:
    run = world(task(Retry=retry("States.ALL")))
    run.give(_start())
    run.give(TaskFailed(2, "States.Timeout", None))
    assert not advance(run.machine, run.state, TaskSucceeded(2, {}), Now(0.0, 0.0), token_of).changed


def test_a_start_comes_once() -> None:
    run = world(task())
    run.give(_start())
    assert not advance(run.machine, run.state, _start(), Now(0.0, 0.0), token_of).changed


def test_stop_aborts_and_drops_all_timers() -> None:
    run = world({"TimeoutSeconds": 60, **callback(TimeoutSeconds=10)})
    run.give(_start())
    run.give(StopRequested("Why", "because"))
    assert (run.state.status, run.state.error, run.state.cause) == (Status.ABORTED, "Why", "because")
    assert (run.types[-1], run.timers) == ("ExecutionAborted", {})


def test_outstanding_gives_the_open_task_again_with_the_same_key() -> None:
    run = world(task(InputPath="$.a", Parameters={"b.$": "$.b", "id.$": "States.UUID()"}, TimeoutSeconds=3))
    run.give(_start({"a": {"b": 1}}))
    assert outstanding(run.machine, run.state) == tuple(run.tasks)


def test_outstanding_gives_timers_and_leaves_out_what_was_submitted() -> None:
    run = world({"TimeoutSeconds": 60, **callback(TimeoutSeconds=10)})
    run.give(_start())
    asked, *timers = outstanding(run.machine, run.state)
    assert asked == run.tasks[0]
    assert timers == [SetTimer("timeout:2", run.now + 10), SetTimer("execution", run.now + 60)]
    run.give(TaskSubmitted(2, {}))
    assert outstanding(run.machine, run.state) == tuple(timers)


def test_outstanding_in_a_retry_wait_is_its_timer() -> None:
    run = world(task(Retry=retry("E", IntervalSeconds=8)))
    run.give(_start())
    run.give(TaskFailed(2, "E", None))
    assert outstanding(run.machine, run.state) == (SetTimer("retry:2", run.now + 8),)


def test_the_context_object_counts_retries() -> None:
    run = world(task(Parameters={"n.$": "$$.State.RetryCount"}, Retry=retry("E", MaxAttempts=2)), failing("E")).run()
    assert [done.parameters["n"] for done in run.tasks] == [0, 1, 2]


def test_the_state_given_is_left_as_it_was() -> None:
    run: World = world(task(Retry=retry("E")))
    run.give(_start({"a": 1}))
    before = run.state.to_json()
    advance(run.machine, run.state, TaskFailed(2, "E", None), Now(1.0, 0.5), token_of)
    assert run.state.to_json() == before


@pytest.mark.parametrize(
    ("resource", "stage", "kind"),
    [
        ("x:y.sync", "Submit", "TaskSubmitFailed"),
        ("x:y", "Start", "TaskStartFailed"),
        ("arn:aws:lambda:us-east-1:111111111111:function:f", "Schedule", "LambdaFunctionScheduleFailed"),
    ],
)
def test_a_task_that_never_began_is_told_by_its_stage(resource: str, stage: str, kind: str) -> None:
    def answer(task: RunTask) -> Iterable[Input]:
        return (TaskFailed(task.entry, "E", "why", stage=stage),)

    run = world(single(Type="Task", Resource=resource), answer).run()
    assert run.types[-2] == kind
    assert (run.state.error, run.state.cause) == ("E", "why")


def test_a_timer_that_comes_again_is_not_taken_for_the_next_of_its_name() -> None:
    again = retry("States.ALL", IntervalSeconds=60, BackoffRate=10, MaxAttempts=5)
    run = world(callback(TimeoutSeconds=600, Retry=again))
    run.give(_start())
    for timer in ("timeout:2", "retry:2"):
        due = run.timers.pop(timer)
        run.now = due
        run.give(TimerFired(timer, due))
        if timer == "timeout:2":
            first_timeout = due
    step = advance(run.machine, run.state, TimerFired("timeout:2", first_timeout), Now(run.now, 0.5), token_of)
    assert not step.changed
    step = advance(
        run.machine, run.state, TimerFired("timeout:2", run.timers["timeout:2"]), Now(run.now, 0.5), token_of
    )
    assert step.changed


def test_a_deadline_of_before_a_redrive_does_not_end_what_came_after() -> None:
    run = world({**callback(), "TimeoutSeconds": 50})
    run.give(_start())
    due = run.timers["execution"]
    assert not advance(run.machine, run.state, TimerFired("execution", due - 1), Now(due, 0.5), token_of).changed
    assert advance(run.machine, run.state, TimerFired("execution", due), Now(due, 0.5), token_of).changed
