"""A state run alone: what became of it is told, whatever the state, and nothing but errors of the API's comes of it."""

import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nats.aio.client import Client

from orchestration.api.app import api_services
from orchestration.api.errors import ApiError
from orchestration.api.test_state import handlers
from orchestration.api.trial_run import Ran, Setting, run_state
from orchestration.asl.protocol import RunTask, TaskFailed, TaskSucceeded
from services.settings import Settings

SETTING = Setting("JSONPath", at=1_000.0)
TASK = {"Type": "Task", "Resource": "http://service/path", "Next": "B"}
RETRY = [{"ErrorEquals": ["Once"], "IntervalSeconds": 2, "MaxAttempts": 1}, {"ErrorEquals": ["States.ALL"]}]
CATCH = [{"ErrorEquals": ["Other"], "Next": "C"}, {"ErrorEquals": ["States.ALL"], "Next": "D"}]


async def failing(task: RunTask) -> TaskFailed:
    return TaskFailed(task.entry, "Once", "why")


async def answering(task: RunTask) -> TaskSucceeded:
    return TaskSucceeded(task.entry, task.parameters)


async def test_the_output_and_the_next_state_are_told() -> None:
    assert await run_state("A", TASK, {"x": 1}, SETTING, answering) == Ran(True, output={"x": 1}, next_state="B")


async def test_a_failure_is_told() -> None:
    assert await run_state("A", TASK, {}, SETTING, failing) == Ran(False, error="Once", cause="why")


@pytest.mark.parametrize(("made", "retry"), [(0, (0, 2.0)), (1, None)])
async def test_a_retry_is_told_until_its_retrier_is_used_up(made: int, retry: tuple[int, float] | None) -> None:
    setting = Setting("JSONPath", at=1_000.0, retries_made=made)
    ran = await run_state("A", {**TASK, "Retry": RETRY, "Catch": CATCH}, {}, setting, failing)
    assert ran.retry == retry
    assert (ran.catch, ran.next_state) == ((None, None) if retry else (1, "D"))


async def test_variables_are_seen_and_assigned_ones_told() -> None:
    state = {"Type": "Pass", "Assign": {"w.$": "$v"}, "Parameters": {"v.$": "$v"}, "End": True}
    ran = await run_state("A", state, {}, Setting("JSONPath", 0.0, variables={"v": [1]}))
    assert (ran.output, ran.assigned) == ({"v": [1]}, {"w": [1]})


values = st.sampled_from(
    [None, True, 0, -1, 5, "", "$", "$.a", "$.a[*]", "$$", "{% $states.input %}", "{% ( %}", [], {}]
)
fields = st.fixed_dictionaries(
    {"Type": st.sampled_from(["Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map", "None"])},
    optional={
        "End": st.just(True),
        "Next": st.sampled_from(["A", "StateName", ""]),
        "QueryLanguage": st.sampled_from(["JSONPath", "JSONata", "SQL"]),
        "Resource": st.sampled_from(["arn:aws:states:::sqs:sendMessage", "arn:aws:states:::aws-sdk:x:y", ""]),
        "Catch": st.just(CATCH) | values,
        "Retry": st.just(RETRY) | values,
        "Branches": st.just([{"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}]) | values,
        "ItemProcessor": st.just({"StartAt": "I", "States": {"I": {"Type": "Succeed"}}}) | values,
        **dict.fromkeys(("InputPath", "ResultPath", "OutputPath", "Parameters", "ResultSelector", "Result"), values),
        **dict.fromkeys(("Seconds", "Error", "Cause", "Choices", "Default", "Items", "ItemsPath", "Assign"), values),
        **dict.fromkeys(("Arguments", "Output", "ItemSelector", "MaxConcurrency", "TimeoutSeconds"), values),
    },
)
mocks = st.sampled_from(
    [
        None,
        {"result": "[1]"},
        {"result": "{}"},
        {"result": "{"},
        {"errorOutput": {"error": "Once"}},
        {"errorOutput": {}},
    ]
)


@settings(max_examples=40, deadline=None)
@given(fields, mocks, st.sampled_from(["{}", '{"a": [1]}', "null", "{"]))
async def test_any_state_is_tested_or_refused_by_name(
    state: dict[str, Any], mock: dict[str, Any] | None, given_input: str
) -> None:
    test_state = handlers(api_services(Settings(component="api"), cast(Client, None), {}))["TestState"]
    request = {"definition": json.dumps(state), "input": given_input, "inspectionLevel": "TRACE"}
    try:
        answer = await test_state(request if mock is None else {**request, "mock": mock})
    except ApiError as error:
        answer = {"status": error.code}
    assert answer["status"] in (
        *("SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"),
        *("InvalidDefinition", "ValidationException", "InvalidExecutionInput"),
    )
