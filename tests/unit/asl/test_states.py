"""One tiny machine per rule of the state types."""

from typing import Any

import pytest

from orchestration.asl.interpreter import Status
from tests.unit.asl.world import failure_of, output_of, single, states, world


def test_pass_gives_its_input_when_it_has_nothing_else() -> None:
    assert output_of(single(Type="Pass"), {"a": 1}) == {"a": 1}


def test_the_result_of_a_pass_is_no_template() -> None:
    assert output_of(single(Type="Pass", Result={"a.$": "$.b"})) == {"a.$": "$.b"}


def test_parameters_are_a_template() -> None:
    parameters = {"a.$": "$.x", "fixed": [1, {"in.$": "$.y[0]"}], "context.$": "$$.State.Name"}
    assert output_of(single(Type="Pass", Parameters=parameters), {"x": 1, "y": [2]}) == {
        "a": 1,
        "fixed": [1, {"in": 2}],
        "context": "S",
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"InputPath": "$.a"}, {"b": 1}),
        ({"InputPath": None}, {}),
        ({"OutputPath": "$.a.b"}, 1),
        ({"OutputPath": None}, {}),
        ({"ResultPath": None, "Result": 5}, {"a": {"b": 1}}),
        ({"ResultPath": "$", "Result": 5}, 5),
        ({"ResultPath": "$.a.c", "Result": 5}, {"a": {"b": 1, "c": 5}}),
        ({"ResultPath": "$.new.deep", "Result": 5}, {"a": {"b": 1}, "new": {"deep": 5}}),
        ({"InputPath": "$.a", "ResultPath": "$.r"}, {"a": {"b": 1}, "r": {"b": 1}}),
    ],
)
def test_paths_shape_input_and_output(fields: dict[str, Any], expected: Any) -> None:
    assert output_of(single(Type="Pass", **fields), {"a": {"b": 1}}) == expected


def test_a_path_of_more_than_one_place_gives_a_list_even_if_empty() -> None:
    assert output_of(single(Type="Pass", InputPath="$.a[*].x"), {"a": [{"x": 1}, {}, {"x": 2}]}) == [1, 2]
    assert output_of(single(Type="Pass", InputPath="$.none[0:2]"), {}) == []


def test_a_result_path_that_does_not_fit_is_an_error_of_its_own() -> None:
    assert failure_of(single(Type="Pass", Result=1, ResultPath="$.a.b"), {"a": 3})[0] == "States.ResultPathMatchFailure"


def test_a_missing_path_is_states_runtime_and_names_the_state_and_its_entry() -> None:
    assert failure_of(single(Type="Pass", InputPath="$.no")) == (
        "States.Runtime",
        "An error occurred while executing the state 'S' (entered at the event id #2). "
        "Invalid path '$.no' : No results for path: $['no']",
    )


def test_succeed_ends_with_its_input() -> None:
    assert output_of(single(Type="Succeed", InputPath="$.a"), {"a": 7}) == 7


def test_fail_gives_error_and_cause() -> None:
    assert failure_of(single(Type="Fail", Error="E", Cause="C")) == ("E", "C")


def test_fail_may_have_neither() -> None:
    run = world(single(Type="Fail")).run()
    assert (run.state.status, run.history[-1].details) == (Status.FAILED, {})


def test_fail_reads_error_and_cause_from_paths() -> None:
    machine = single(Type="Fail", ErrorPath="$.e", CausePath="States.Format('because {}', $.c)")
    assert failure_of(machine, {"e": "E", "c": 1}) == ("E", "because 1")


def test_an_error_path_must_give_a_string() -> None:
    assert failure_of(single(Type="Fail", ErrorPath="$.e"), {"e": 1})[0] == "States.Runtime"


@pytest.mark.parametrize(
    ("fields", "document", "seconds"),
    [
        ({"Seconds": 7}, {}, 7.0),
        ({"SecondsPath": "$.s"}, {"s": 9}, 9.0),
        ({"Timestamp": "2023-11-14T22:14:20Z"}, {}, 60.0),
        ({"TimestampPath": "$.t"}, {"t": "2023-11-14T23:13:20.5+01:00"}, 0.5),
        ({"Timestamp": "2001-01-01T00:00:00Z"}, {}, 0.0),
    ],
)
def test_wait_has_four_forms(fields: dict[str, Any], document: Any, seconds: float) -> None:
    run = world(single(Type="Wait", **fields)).run(document)
    assert run.state.status is Status.SUCCEEDED
    assert run.waits == [pytest.approx(seconds)]


@pytest.mark.parametrize("value", [1.5, "7", -1, None, True, 100_000_000])
def test_the_seconds_of_a_wait_must_be_whole(value: Any) -> None:
    assert failure_of(single(Type="Wait", SecondsPath="$.s"), {"s": value})[0] == "States.Runtime"


def test_a_wait_until_no_timestamp_fails() -> None:
    assert failure_of(single(Type="Wait", TimestampPath="$.t"), {"t": "2016-12-05 21:29:29Z"})[0] == "States.Runtime"


def test_every_interval_is_scaled() -> None:
    assert world(single(Type="Wait", Seconds=60), time_scale=0.01).run().waits == [pytest.approx(0.6)]


def test_the_machine_itself_has_a_timeout() -> None:
    run = world({"TimeoutSeconds": 5, **single(Type="Wait", Seconds=60)}).run()
    assert (run.state.status, run.state.error, run.types[-1]) == (
        Status.TIMED_OUT,
        "States.Timeout",
        "ExecutionTimedOut",
    )
    assert run.timers == {}


def test_a_machine_that_ends_in_time_takes_its_timer_back() -> None:
    run = world({"TimeoutSeconds": 5, **single(Type="Pass")}).run()
    assert (run.state.status, run.timers) == (Status.SUCCEEDED, {})


def test_a_choice_without_match_and_default_is_states_runtime() -> None:
    machine = states(
        "S", S={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "T"}]}, T={"Type": "Succeed"}
    )
    error, cause = failure_of(machine, {"a": 1})
    assert error == "States.Runtime"
    assert cause is not None
    assert cause.endswith("The state does not point to a next state.")


def test_variables_reach_later_states_and_output_path_sees_them_as_they_were() -> None:
    machine = states(
        "A",
        A={"Type": "Pass", "Assign": {"x": 1}, "Next": "B"},
        B={"Type": "Pass", "Assign": {"x.$": "States.MathAdd($x, 1)"}, "OutputPath": "$x", "Next": "C"},
        C={"Type": "Pass", "Parameters": {"before.$": "$", "now.$": "$x"}, "End": True},
    )
    assert output_of(machine) == {"before": 1, "now": 2}


def test_the_matched_rule_of_a_choice_assigns_and_not_the_state() -> None:
    rule = {"Variable": "$.a", "IsPresent": True, "Next": "T", "Assign": {"from": "rule"}}
    choice = {"Type": "Choice", "Choices": [rule], "Default": "T", "Assign": {"from": "state"}}
    machine = states("S", S=choice, T={"Type": "Pass", "InputPath": "$from", "End": True})
    assert output_of(machine, {"a": 1}) == "rule"
    assert output_of(machine, {}) == "state"


def test_a_result_that_is_too_large_is_refused() -> None:
    machine = single(Type="Pass", Parameters={"a.$": "$.a", "b.$": "$.a"})
    assert failure_of(machine, {"a": "x" * 140_000})[0] == "States.DataLimitExceeded"


def test_an_endless_loop_ends_at_the_history_limit_in_bounded_advances() -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.end", "IsPresent": True, "Next": "C"}], "Default": "B"}
    machine = states("A", A=choice, B={"Type": "Pass", "Next": "A"}, C={"Type": "Succeed"})
    run = world(machine).run()
    assert (run.state.status, run.state.error) == (Status.FAILED, "States.Runtime")
    assert len(run.history) == 25_000
    assert [event.id for event in run.history] == list(range(1, 25_001))
    assert run.timers == {}


def test_an_input_that_is_nested_too_deeply_for_the_history_ends_the_execution() -> None:
    deep: Any = 1
    for _ in range(240):
        deep = [deep]
    assert failure_of(single(Type="Pass"), deep)[0] == "States.Runtime"


def test_no_value_made_on_the_way_is_nested_too_deeply_either() -> None:
    text = "[" * 600 + "]" * 600
    contains = single(Type="Pass", Parameters={"a.$": "States.ArrayContains(States.Array(States.StringToJson($)), $)"})
    assert failure_of(single(Type="Pass", Parameters={"a.$": "States.StringToJson($)"}), text)[0] == "States.Runtime"
    assert output_of(contains, text) == {"a": False}
