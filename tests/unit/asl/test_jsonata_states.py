"""Whole states in JSONata: what each field sees and gives, and the history of an expression that fails."""

from typing import Any

import pytest

from orchestration.asl.errors import DefinitionInvalid
from orchestration.asl.interpreter import Status, load_machine, outstanding
from orchestration.asl.protocol import ExecutionStarted, RunTask
from tests.unit.asl.world import failing, failure_of, output_of, single, states, succeeding, world

JSONATA = {"QueryLanguage": "JSONata"}
QUERY = "States.QueryEvaluationError"


def jsonata(**state: Any) -> dict[str, Any]:
    return {**JSONATA, **single(**state)}


def chain(start: str, **definitions: dict[str, Any]) -> dict[str, Any]:
    return {**JSONATA, **states(start, **definitions)}


def test_output_and_assign_see_input_result_context_and_the_variables_as_they_were() -> None:
    machine = chain(
        "A",
        A={"Type": "Pass", "Assign": {"n": "{% $states.input.n %}", "constant": [1]}, "Next": "B"},
        B={
            "Type": "Task",
            "Resource": "x:y",
            "Arguments": {"twice": "{% $n * 2 %}", "plain": "{ not a query }"},
            "Assign": {"n": "{% $states.result.got %}"},
            "Output": {"n": "{% $n %}", "in": "{% $states.input %}", "name": "{% $states.context.State.Name %}"},
            "Next": "C",
        },
        C={"Type": "Succeed", "Output": "{% $merge([$states.input, {'now': $n}]) %}"},
    )
    run = world(machine, succeeding({"got": 7})).run({"n": 2})
    assert run.tasks[0].parameters == {"twice": 4, "plain": "{ not a query }"}
    assert run.state.output == {"n": 2, "in": {"n": 2}, "name": "B", "now": 7}


def test_without_output_a_pass_gives_its_input_and_a_task_its_result() -> None:
    assert output_of(jsonata(Type="Pass"), {"a": 1}) == {"a": 1}
    assert output_of(jsonata(Type="Task", Resource="x:y"), {"a": 1}, succeeding({"b": 2})) == {"b": 2}


def test_the_states_of_both_languages_share_variables_and_data() -> None:
    machine = states(
        "P",
        P={"Type": "Pass", "Assign": {"v.$": "$.a"}, "Next": "J"},
        J={
            "Type": "Pass",
            **JSONATA,
            "Output": "{% [$v, $states.input.a] %}",
            "Assign": {"w": "{% $v + 1 %}"},
            "Next": "Q",
        },
        Q={"Type": "Pass", "Parameters": {"both.$": "$", "w.$": "$w"}, "End": True},
    )
    assert output_of(machine, {"a": 1}) == {"both": [1, 1], "w": 2}


def test_a_choice_takes_the_first_rule_whose_condition_is_true() -> None:
    machine = chain(
        "C",
        C={
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.n > 10 %}", "Next": "Big", "Output": "{% 'big' %}"},
                {"Condition": "{% $states.input.n > 5 %}", "Next": "Big", "Assign": {"v": 1}},
            ],
            "Default": "Small",
            "Output": "small",
            "Assign": {"v": 2},
        },
        Big={"Type": "Succeed", "Output": {"in": "{% $states.input %}", "v": "{% $exists($v) ? $v : 0 %}"}},
        Small={"Type": "Succeed", "Output": {"in": "{% $states.input %}", "v": "{% $v %}"}},
    )
    assert output_of(machine, {"n": 11}) == {"in": "big", "v": 0}
    assert output_of(machine, {"n": 6}) == {"in": {"n": 6}, "v": 1}
    assert output_of(machine, {"n": 1}) == {"in": "small", "v": 2}


@pytest.mark.parametrize(
    ("field", "waits"),
    [
        ({"Seconds": "{% $states.input.s %}"}, [3.0]),
        ({"Seconds": 4}, [4.0]),
        ({"Timestamp": "{% $states.input.at %}"}, [60.0]),
        ({"Timestamp": "2023-11-14T22:14:20Z"}, [60.0]),
    ],
)
def test_waits(field: dict[str, Any], waits: list[float]) -> None:
    run = world(jsonata(Type="Wait", **field)).run({"s": 3, "at": "2023-11-14T22:14:20Z"})
    assert (run.state.status, run.waits) == (Status.SUCCEEDED, waits)


def test_fail_tells_what_its_expressions_give() -> None:
    machine = jsonata(Type="Fail", Error="{% $states.input.e %}", Cause="{% 'because ' & $states.input.e %}")
    assert failure_of(machine, {"e": "Mine"}) == ("Mine", "because Mine")


def test_map_takes_items_selects_them_and_sees_its_result() -> None:
    machine = jsonata(
        Type="Map",
        Items="{% $states.input.list %}",
        MaxConcurrency="{% $states.input.at_once %}",
        ItemSelector={"v": "{% $states.context.Map.Item.Value %}", "all": "{% $count($states.input.list) %}"},
        ItemProcessor=states(
            "I", I={"Type": "Pass", "Output": "{% $states.input.v * $states.input.all %}", "End": True}
        ),
        Output={"sum": "{% $sum($states.result) %}"},
    )
    assert output_of(machine, {"list": [1, 2, 3], "at_once": 1}) == {"sum": 18}


def test_items_of_chance_stay_the_same_for_all_iterations() -> None:
    machine = jsonata(
        Type="Map",
        Items=["{% $uuid() %}", "{% $uuid() %}"],
        ItemProcessor=states("I", I={"Type": "Wait", "Seconds": 1, "End": True}),
        MaxConcurrency=1,
    )
    run = world(machine).run()
    inputs = [event.details["input"] for event in run.history if event.type == "WaitStateEntered"]
    assert run.state.output == inputs
    assert len(set(inputs)) == 2


def test_parallel_hands_on_its_arguments() -> None:
    branch = states("B", B={"Type": "Pass", "End": True})
    machine = jsonata(
        Type="Parallel", Arguments={"x": "{% $states.input.a %}"}, Branches=[branch], Output="{% $states.result[0] %}"
    )
    assert output_of(machine, {"a": 1}) == {"x": 1}


def test_a_catcher_sees_the_error() -> None:
    machine = chain(
        "T",
        T={
            "Type": "Task",
            "Resource": "x:y",
            "End": True,
            "Catch": [
                {
                    "ErrorEquals": ["E"],
                    "Next": "C",
                    "Output": {"error": "{% $states.errorOutput %}", "in": "{% $states.input %}"},
                    "Assign": {"cause": "{% $states.errorOutput.Cause %}"},
                }
            ],
        },
        C={"Type": "Succeed", "Output": {"in": "{% $states.input %}", "cause": "{% $cause %}"}},
    )
    caught = {"error": {"Error": "E", "Cause": "why"}, "in": {"a": 1}}
    assert output_of(machine, {"a": 1}, failing("E", "why")) == {"in": caught, "cause": "why"}


def test_timeouts_heartbeats_and_roles_are_queries_too() -> None:
    machine = jsonata(
        Type="Task",
        Resource="x:y.waitForTaskToken",
        Arguments={"token": "{% $states.context.Task.Token %}"},
        TimeoutSeconds="{% $states.input.t %}",
        HeartbeatSeconds="{% $states.input.h %}",
        Credentials={"RoleArn": "{% $states.input.role %}"},
    )
    run = world(machine).run({"t": 60, "h": 5, "role": "arn:role"})
    scheduled = next(event for event in run.history if event.type == "TaskScheduled")
    assert (scheduled.details["timeoutInSeconds"], scheduled.details["heartbeatInSeconds"]) == (60, 5)
    assert scheduled.details["taskCredentials"] == {"roleArn": "arn:role"}
    assert (run.tasks[0].role, run.tasks[0].parameters) == ("arn:role", {"token": run.tasks[0].token})


@pytest.mark.parametrize(
    ("state", "location", "problem"),
    [
        ({"Type": "Pass", "Output": {"v": ["{% $states.input.x %}"]}}, "Output/v[0]", "returned nothing (undefined)."),
        (
            {"Type": "Pass", "Assign": {"v": "{% 1 + 'a' %}"}},
            "Assign/v",
            'threw an error during evaluation. T2002: The right side of the "+" operator must evaluate to a number',
        ),
        (
            {"Type": "Choice", "Choices": [{"Condition": "{% 1 %}", "Next": "S"}]},
            "Choices[0]/Condition",
            "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 1",
        ),
        (
            {"Type": "Map", "Items": "{% 'a' %}", "ItemProcessor": states("I", I={"Type": "Succeed"})},
            "Items",
            "returned an unexpected result type. Expected 'array', but was 'string' for value: \"a\"",
        ),
        ({"Type": "Fail", "Error": "{% $sum %}"}, "Error", "returned an unsupported result type."),
        (
            {"Type": "Pass", "Output": "{% ($f := function($x) { $f($x) + 1 }; $f(1)) %}"},
            "Output",
            "threw an error during evaluation: Stack overflow error: Check for non-terminating recursive function. "
            "Consider rewriting as tail-recursive.",
        ),
    ],
)
def test_an_expression_that_fails_is_told_with_its_place(state: dict[str, Any], location: str, problem: str) -> None:
    definition = jsonata(**state)
    if state["Type"] == "Choice":
        definition["States"]["S"]["Default"] = "E"
        definition["States"]["E"] = {"Type": "Succeed"}
    run = world(definition).run({})
    told = run.history[-2]
    assert (run.state.error, told.type) == (QUERY, "EvaluationFailed")
    assert (told.details["location"], told.details["error"], told.details["state"]) == (location, QUERY, "S")
    assert told.details["cause"] == run.state.cause
    assert run.state.cause is not None
    assert run.state.cause.startswith(
        "An error occurred while executing the state 'S' (entered at the event id #2). The"
    )
    assert run.state.cause.endswith(f"specified for the field '{location}' {problem}")
    assert run.history[-1].previous == told.id


def test_an_expression_that_fails_is_retried_and_caught() -> None:
    machine = chain(
        "T",
        T={
            "Type": "Task",
            "Resource": "x:y",
            "Arguments": "{% $states.input.missing %}",
            "Retry": [{"ErrorEquals": [QUERY], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C", "Output": "{% $states.errorOutput.Error %}"}],
            "End": True,
        },
        C={"Type": "Succeed"},
    )
    run = world(machine).run()
    assert (run.state.output, run.types.count("EvaluationFailed")) == (QUERY, 2)


def test_a_catcher_whose_expression_fails_ends_the_execution() -> None:
    catch = [{"ErrorEquals": ["E"], "Next": "S", "Output": "{% $nothing %}"}]
    run = world(jsonata(Type="Task", Resource="x:y", Catch=catch), failing("E")).run()
    assert (run.state.error, run.history[-2].details["location"]) == (QUERY, "Catch[0]/Output")


def test_arguments_of_an_open_task_are_kept_not_made_again() -> None:
    run = world(jsonata(Type="Task", Resource="x:y", Arguments={"id": "{% $uuid() %}"}))
    run.give(ExecutionStarted("e", {}))
    open_tasks = [command for command in outstanding(run.machine, run.state) if isinstance(command, RunTask)]
    assert [task.parameters for task in open_tasks] == [run.tasks[0].parameters]


def test_inner_states_take_the_machines_language_not_their_maps() -> None:
    inner = states("I", I={"Type": "Pass", "Output": 1, "End": True})
    with pytest.raises(DefinitionInvalid):
        load_machine(single(Type="Map", **JSONATA, ItemProcessor=inner))
    load_machine(jsonata(Type="Map", ItemProcessor=inner))
