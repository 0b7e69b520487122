"""Parallel and inline Map."""

from typing import Any

import pytest

from orchestration.asl.interpreter import Status, outstanding
from orchestration.asl.protocol import ExecutionStarted, TaskFailed, TaskSucceeded
from tests.unit.asl.world import failing, failure_of, output_of, single, states, world

TASK: dict[str, Any] = {"Type": "Task", "Resource": "x:y", "End": True}


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return single(Type="Parallel", Branches=list(branches), **fields)


def each(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return single(Type="Map", ItemProcessor=processor, **fields)


def test_parallel_gives_the_outputs_in_the_order_of_its_branches() -> None:
    machine = parallel(states("A", A=TASK), states("B", B={"Type": "Pass", "Result": 2, "End": True}))
    run = world(machine)
    run.give(ExecutionStarted("e", {"in": 1}))
    assert run.tasks[0].parameters == {"in": 1}
    run.give(TaskSucceeded(run.tasks[0].entry, 1))
    assert run.state.output == [1, 2]


def test_answers_come_in_any_order() -> None:
    run = world(parallel(states("A", A=TASK), states("B", B=TASK)))
    run.give(ExecutionStarted("e", {}))
    first, second = run.tasks
    assert {task.key for task in outstanding(run.machine, run.state)} == {first.key, second.key}  # type: ignore[union-attr]
    run.give(TaskSucceeded(second.entry, "b"))
    run.give(TaskSucceeded(first.entry, "a"))
    assert run.state.output == ["a", "b"]


def test_the_first_failure_fails_the_state_and_late_answers_find_nobody() -> None:
    run = world(parallel(states("A", A=TASK), states("B", B={"Type": "Wait", "Seconds": 9, "End": True})))
    run.give(ExecutionStarted("e", {}))
    run.give(TaskFailed(run.tasks[0].entry, "E", "C"))
    assert (run.state.status, run.state.error, run.state.cause) == (Status.FAILED, "E", "C")
    assert run.timers == {}
    assert run.types[-4:] == ["TaskFailed", "WaitStateAborted", "ParallelStateFailed", "ExecutionFailed"]


def test_a_failed_parallel_can_be_retried_and_caught() -> None:
    catch = [{"ErrorEquals": ["E"], "ResultPath": "$.error", "Next": "T"}]
    machine = parallel(states("A", A=TASK), Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 1}], Catch=catch)
    machine["States"]["T"] = {"Type": "Succeed"}
    run = world(machine, failing("E", "C")).run({"a": 1})
    assert run.state.output == {"a": 1, "error": {"Error": "E", "Cause": "C"}}
    assert run.types.count("ParallelStateStarted") == 2
    assert run.types.count("ParallelStateFailed") == 1


def test_states_runtime_in_a_branch_is_not_caught_above() -> None:
    broken = states("A", A={"Type": "Pass", "InputPath": "$.no", "End": True})
    machine = parallel(broken, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "T"}])
    machine["States"]["T"] = {"Type": "Succeed"}
    assert failure_of(machine)[0] == "States.Runtime"


def test_map_runs_over_its_items() -> None:
    machine = each(states("P", P={"Type": "Pass", "End": True}), ItemsPath="$.items", ResultPath="$.out")
    assert output_of(machine, {"items": [1, None, {"a": 2}]})["out"] == [1, None, {"a": 2}]
    assert output_of(machine, {"items": []})["out"] == []


def test_the_item_selector_sees_the_input_and_the_item() -> None:
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.k"}
    machine = each(states("P", P={"Type": "Pass", "End": True}), ItemsPath="$.items", ItemSelector=selector)
    assert output_of(machine, {"items": ["x", "y"], "k": 1}) == [
        {"i": 0, "v": "x", "all": 1},
        {"i": 1, "v": "y", "all": 1},
    ]


def test_the_states_of_an_iteration_still_see_its_item() -> None:
    machine = each(states("P", P={"Type": "Pass", "Parameters": {"i.$": "$$.Map.Item.Index"}, "End": True}))
    assert output_of(machine, [7, 8]) == [{"i": 0}, {"i": 1}]


@pytest.mark.parametrize(("limit", "at_once"), [(0, 5), (2, 2), (9, 5)])
def test_max_concurrency_bounds_the_open_iterations(limit: int, at_once: int) -> None:
    run = world(each(states("A", A=TASK), MaxConcurrency=limit))
    run.give(ExecutionStarted("e", [0, 1, 2, 3, 4]))
    assert len(run.tasks) == at_once
    for number in range(5):
        run.give(TaskSucceeded(run.tasks[number].entry, number))
    assert run.state.output == [0, 1, 2, 3, 4]


def test_variables_of_a_branch_are_its_own() -> None:
    inner = states(
        "A",
        A={"Type": "Pass", "Assign": {"mine.$": "$outer"}, "Next": "B"},
        B={"Type": "Pass", "Parameters": {"mine.$": "$mine", "outer.$": "$outer"}, "End": True},
    )
    machine = parallel(inner, Next="After")
    del machine["States"]["S"]["End"]
    machine["States"]["S"]["Next"] = "After"
    machine["States"]["After"] = {"Type": "Pass", "InputPath": "$mine", "End": True}
    machine["States"]["Init"] = {"Type": "Pass", "Assign": {"outer": 1}, "Next": "S"}
    machine["StartAt"] = "Init"
    run = world(machine).run()
    exits = [event.details for event in run.history if event.type == "PassStateExited"]
    assert exits[-1]["output"] == {"mine": 1, "outer": 1}
    assert run.state.error == "States.Runtime", "the variable of the branch is gone after it"


def test_a_wide_map_is_cut_into_bounded_advances() -> None:
    machine = each(states("P", P={"Type": "Pass", "End": True}))
    run = world(machine)
    longest, before = 0, 0
    run.give(ExecutionStarted("e", list(range(2_000))))
    while run.state.status is Status.RUNNING:
        longest, before = max(longest, len(run.history) - before), len(run.history)
        event = run.next_event()
        assert event is not None
        run.give(event)
    assert run.state.output == list(range(2_000))
    assert longest < 300
    assert [event.id for event in run.history] == list(range(1, len(run.history) + 1))
