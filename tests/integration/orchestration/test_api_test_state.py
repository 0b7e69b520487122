"""TestState over the API, asked by boto3: every type of state, mocked and not, at each inspection level."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from nats.aio.client import Client

from orchestration.api.services import ApiServices
from orchestration.asl.protocol import RunTask, TaskSucceeded
from orchestration.tasks.registry import Tasks, Told
from tests.conftest import RealNats
from tests.integration.orchestration.api_server import Api, running_api, services_of

pytestmark = pytest.mark.more

LAMBDA = "arn:aws:states:::lambda:invoke"


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": LAMBDA,
        "InputPath": "$.a",
        "Parameters": {"FunctionName": "f", "Payload.$": "$"},
        "ResultSelector": {"got.$": "$.Payload"},
        "ResultPath": "$.result",
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 3, "BackoffRate": 2, "MaxAttempts": 2}],
        "Catch": [
            {"ErrorEquals": ["Other"], "Next": "Never"},
            {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Mend"},
        ],
        "Next": "After",
    }


@pytest.fixture
async def api(nats_url: RealNats) -> AsyncIterator[Api]:
    async with running_api(nats_url) as running:
        yield running


async def answer_of(api: Api, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await api.call("test_state", definition=json.dumps(state), **more)
    for name, value in answer.get("inspectionData", {}).items():
        if isinstance(value, str):
            answer["inspectionData"][name] = json.loads(value)
    if "output" in answer:
        answer["output"] = json.loads(answer["output"])
    return answer


async def test_each_step_of_a_mocked_task_is_shown(api: Api, state: dict[str, Any]) -> None:
    answer = await answer_of(
        api, state, input='{"a": 1}', inspectionLevel="DEBUG", mock={"result": '{"Payload": "p", "StatusCode": 200}'}
    )
    output = {"a": 1, "result": {"got": "p"}}
    assert answer == {
        "status": "SUCCEEDED",
        "output": output,
        "nextState": "After",
        "inspectionData": {
            "input": {"a": 1},
            "afterInputPath": 1,
            "afterParameters": {"FunctionName": "f", "Payload": 1},
            "result": {"Payload": "p", "StatusCode": 200},
            "afterResultSelector": {"got": "p"},
            "afterResultPath": output,
        },
    }
    assert "inspectionData" not in await answer_of(api, state, input='{"a": 1}', mock={"result": '{"Payload": "p"}'})


@pytest.mark.parametrize(("retries", "pause_s"), [(0, 3), (1, 6)])
async def test_an_error_that_is_retried_is_told_with_its_pause(
    api: Api, state: dict[str, Any], retries: int, pause_s: int
) -> None:
    answer = await answer_of(
        api,
        state,
        input='{"a": 1}',
        inspectionLevel="DEBUG",
        mock={"errorOutput": {"error": "Busy", "cause": "why"}},
        stateConfiguration={"retrierRetryCount": retries},
    )
    details = answer.pop("inspectionData")["errorDetails"]
    assert answer == {"status": "RETRIABLE", "error": "Busy", "cause": "why"}
    assert details == {"retryIndex": 0, "retryBackoffIntervalSeconds": pause_s}


async def test_an_error_that_is_caught_is_told_with_its_catcher(api: Api, state: dict[str, Any]) -> None:
    answer = await answer_of(
        api,
        state,
        input='{"a": 1}',
        inspectionLevel="DEBUG",
        mock={"errorOutput": {"error": "Busy", "cause": "why"}},
        stateConfiguration={"retrierRetryCount": 2},
    )
    assert answer.pop("inspectionData")["errorDetails"] == {"catchIndex": 1}
    assert answer == {
        "status": "CAUGHT_ERROR",
        "error": "Busy",
        "cause": "why",
        "nextState": "Mend",
        "output": {"a": 1, "error": {"Error": "Busy", "Cause": "why"}},
    }


async def test_variables_and_context_are_seen(api: Api) -> None:
    state = {
        "Type": "Task",
        "Resource": f"{LAMBDA}.waitForTaskToken",
        "QueryLanguage": "JSONata",
        "Arguments": {
            "FunctionName": "f",
            "Payload": {
                "v": "{% $v %}",
                "id": "{% $states.context.Execution.Id %}",
                "token": "{% $states.context.Task.Token %}",
                "n": "{% $states.context.State.RetryCount %}",
            },
        },
        "Assign": {"w": "{% $states.result.MessageId %}"},
        "End": True,
    }
    answer = await answer_of(
        api,
        state,
        inspectionLevel="DEBUG",
        variables='{"v": [1]}',
        context='{"Execution": {"Id": "e"}, "Task": {"Token": "t"}, "State": {"RetryCount": 4}}',
        mock={"result": '{"MessageId": "m"}'},
    )
    assert answer["inspectionData"]["afterArguments"]["Payload"] == {"v": [1], "id": "e", "token": "t", "n": 4}
    assert answer["inspectionData"]["variables"] == {"v": [1], "w": "m"}
    assert answer["output"] == {"MessageId": "m"}


async def test_a_map_shows_what_its_iterations_would_get(api: Api) -> None:
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 2,
        "ItemSelector": {"n.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
        "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}},
        "ResultPath": "$.done",
        "End": True,
    }
    answer = await answer_of(
        api, state, input='{"items": ["a", "b"]}', inspectionLevel="DEBUG", mock={"result": "[1, 2]"}
    )
    shown = answer["inspectionData"]
    assert answer["output"] == {"items": ["a", "b"], "done": [1, 2]}
    assert shown["afterItemsPath"] == ["a", "b"]
    assert shown["afterItemSelector"] == [{"n": 0, "v": "a"}, {"n": 1, "v": "b"}]
    assert shown["maxConcurrency"] == 2


async def test_a_map_shows_what_its_reader_would_give(api: Api) -> None:
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Parameters": {"Bucket": "b", "Key": "k"},
        },
        "ItemSelector": {"row.$": "$$.Map.Item.Value", "more.$": "$.more"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "I",
            "States": {"I": {"Type": "Pass", "End": True}},
        },
        "ToleratedFailureCount": 1,
        "Catch": [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Mend"}],
        "End": True,
    }
    given = {"input": '{"more": 1}', "inspectionLevel": "DEBUG", "mock": {"result": "[]"}}
    configuration = {"mapItemReaderData": "a,b\n1,2\n"}
    shown = (await answer_of(api, state, **given, stateConfiguration=configuration))["inspectionData"]
    assert shown["afterItemSelector"] == [{"row": {"a": "1", "b": "2"}, "more": 1}]
    assert shown["toleratedFailureCount"] == 1
    failed = await answer_of(api, state, **given, stateConfiguration={"mapIterationFailureCount": 2})
    assert (failed["status"], failed["nextState"]) == ("CAUGHT_ERROR", "Mend")
    inner = await answer_of(api, {"StartAt": "M", "States": {"M": state, "Mend": {"Type": "Succeed"}}}, stateName="I")
    assert inner == {"status": "SUCCEEDED", "output": {}}


async def test_a_wait_is_not_waited_for(api: Api) -> None:
    answer = await answer_of(api, {"Type": "Wait", "Seconds": 99_999, "Next": "B"}, input='{"x": 1}')
    assert answer == {"status": "SUCCEEDED", "output": {"x": 1}, "nextState": "B"}


async def test_a_state_that_leads_to_itself_is_run_once(api: Api) -> None:
    machine = {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "B"}],
                "Default": "A",
            },
            "B": {"Type": "Succeed"},
        },
    }
    assert (await answer_of(api, machine, stateName="A"))["nextState"] == "A"
    assert (await answer_of(api, machine, stateName="A", input='{"x": 1}'))["nextState"] == "B"
    assert (await api.error_of("test_state", definition=json.dumps(machine), stateName="C"))[0] == "ValidationException"


@pytest.mark.parametrize(
    ("state", "more", "code"),
    [
        ({"Type": "Pass", "End": True}, {"mock": {"result": "1"}}, "ValidationException"),
        ({"Type": "Pass", "End": True}, {"input": "{"}, "InvalidExecutionInput"),
        ({"Type": "Pass", "End": True}, {"variables": "[]"}, "ValidationException"),
        ({"Type": "Pass", "End": True}, {"variables": '{"states": 1}'}, "ValidationException"),
        ({"Type": "Pass", "End": True}, {"context": "{}"}, "ValidationException"),
        ({"Type": "Pass"}, {}, "InvalidDefinition"),
        ({"Type": "Task", "Resource": LAMBDA, "End": True}, {"mock": {}}, "ValidationException"),
        ({"Type": "Task", "Resource": LAMBDA, "End": True}, {"mock": {"result": "{"}}, "ValidationException"),
        ({"Type": "Task", "Resource": f"{LAMBDA}.waitForTaskToken", "End": True}, {}, "InvalidDefinition"),
        (
            {"Type": "Task", "Resource": LAMBDA, "End": True},
            {"mock": {"result": '{"StatusCode": "200"}'}},
            "ValidationException",
        ),
    ],
)
async def test_a_request_that_cannot_be_is_refused(
    api: Api, state: dict[str, Any], more: dict[str, Any], code: str
) -> None:
    assert (await api.error_of("test_state", definition=json.dumps(state), **more))[0] == code


class Web:
    """An integration that answers each call the same, and counts them."""

    def __init__(self) -> None:
        self.calls = 0

    def told_at_once(self, task: RunTask) -> None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        self.calls += 1
        body = {"got": task.parameters["RequestBody"]}
        headers = {"content-type": ["application/json"]}
        return TaskSucceeded(
            task.entry, {"StatusCode": 200, "StatusText": "OK", "Headers": headers, "ResponseBody": body}
        )


async def test_a_task_without_mock_is_called_once_and_its_call_is_shown(nats_url: RealNats) -> None:
    web = Web()

    async def made(client: Client) -> ApiServices:
        return replace(await services_of(client), tasks=Tasks({"http:invoke": web}))

    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {
            "ApiEndpoint": "https://example.com/a",
            "Method": "POST",
            "QueryParameters": {"q": "1 2"},
            "Headers": {"x": "y"},
            "RequestBody": {"b.$": "$.b"},
        },
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Mend"}],
        "End": True,
    }
    async with running_api(nats_url, made) as api:
        answer = await api.call(
            "test_state",
            definition=json.dumps({**state, "ResultPath": "$.r"}),
            input='{"b": 1}',
            inspectionLevel="TRACE",
        )
        assert web.calls == 1
        failed = await answer_of(
            api, {**state, "ResultSelector": {"x.$": "$.none"}, "ResultPath": "$.r"}, input='{"b": 1}'
        )
    assert web.calls == 2
    assert answer["inspectionData"]["request"] == {
        "protocol": "https",
        "method": "POST",
        "url": "https://example.com/a?q=1+2",
        "headers": "[x: y]",
        "body": '{"b":1}',
    }
    assert answer["inspectionData"]["response"] == {
        "protocol": "https",
        "statusCode": "200",
        "statusMessage": "OK",
        "headers": "[content-type: application/json]",
        "body": '{"got":{"b":1}}',
    }
    assert failed["status"] in ("FAILED", "CAUGHT_ERROR")
