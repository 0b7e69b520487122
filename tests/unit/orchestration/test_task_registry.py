"""Which integration serves a resource, what is refused when a machine is created, and what the settings give."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSucceeded
from orchestration.errors import HistoryUnreachable, Lost, Overloaded
from orchestration.settings import TaskSettings
from orchestration.tasks.mock_file import MockFileInvalid
from orchestration.tasks.registry import Tasks, Told, integration_of
from orchestration.tasks.sfn_api import request_of, told
from orchestration.tasks.supported import unsupported
from orchestration.tasks.web import WebAnswer
from tests.unit.orchestration.task_samples import run_task

SDK = "arn:aws:states:::aws-sdk"


@pytest.mark.parametrize(
    ("resource", "integration"),
    [
        ("arn:aws:states:::sqs:sendMessage", "sqs:sendMessage"),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "sqs:sendMessage"),
        ("arn:aws:states:::states:startExecution.sync:2", "states:startExecution"),
        (f"{SDK}:sfn:describeExecution", "aws-sdk:sfn:describeExecution"),
        ("arn:aws:lambda:us-east-1:0:function:f:live", "lambda:function"),
        ("arn:aws:states:us-east-1:0:activity:a", "activity"),
        ("http://payment/charges", "http"),
        ("arn:aws:states:::http:invoke", "http:invoke"),
        ("approval:ask.waitForTaskToken", "approval"),
        ("python:double", "python"),
    ],
)
def test_an_integration_is_named_by_service_and_action(resource: str, integration: str) -> None:
    assert integration_of(resource) == integration


@given(st.text(max_size=60) | st.from_regex(r"arn:aws:[a-z]*:[a-z]*:[0-9]*:[a-z:.]*", fullmatch=True))
def test_any_text_is_some_integrations_resource(resource: str) -> None:
    integration_of(resource)
    unsupported({"States": {"S": {"Type": "Task", "Resource": resource}}})


class Echo:
    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return TaskSucceeded(task.entry, execution)


async def test_a_runner_may_serve_one_action_or_a_whole_service() -> None:
    tasks = Tasks({"aws-sdk:sfn": Echo(), "sqs:sendMessage": Echo()})
    assert await tasks.run("e", run_task(f"{SDK}:sfn:listActivities")) == TaskSucceeded(7, "e")
    assert await tasks.run("e", run_task("arn:aws:states:::sqs:sendMessage")) == TaskSucceeded(7, "e")
    missing = await tasks.run("e", run_task("arn:aws:states:::sqs:receiveMessage"))
    assert isinstance(missing, TaskFailed)
    assert missing.error == "States.Runtime"


class Refusing:
    def __init__(self, error: str) -> None:
        self._error = error

    def told_at_once(self, task: RunTask) -> Told | None:
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        return TaskFailed(task.entry, self._error, None)


@pytest.mark.parametrize(
    ("resource", "error", "stage"),
    [
        ("arn:aws:states:::sqs:sendMessage", "Refused", ""),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Refused", "Submit"),
        ("arn:aws:states:::states:startExecution.sync:2", "Refused", "Submit"),
        ("arn:aws:states:::states:startExecution.sync:2", "States.Timeout", ""),
        ("arn:aws:states:us-east-1:0:activity:a", "Refused", ""),
    ],
)
async def test_a_refused_request_is_told_apart_from_a_failed_task(resource: str, error: str, stage: str) -> None:
    refusing = Refusing(error)
    tasks = Tasks({"sqs": refusing, "states": refusing, "activity": refusing})
    assert await tasks.run("e", run_task(resource)) == TaskFailed(7, error, None, stage=stage)


class Failing:
    def __init__(self, failure: Exception, *, at_once: bool = False) -> None:
        self._failure = failure
        self._at_once = at_once

    def told_at_once(self, task: RunTask) -> Told | None:
        if self._at_once:
            raise self._failure
        return None

    async def run(self, execution: str, task: RunTask) -> Told:
        raise self._failure


async def test_a_bug_of_a_runner_fails_the_task(caplog: pytest.LogCaptureFixture) -> None:
    bug = UnicodeEncodeError("latin-1", "訂\ud800" * 10_000, 0, 1, "ordinal not in range")
    tasks = Tasks({"x": Failing(bug), "y": Failing(bug, at_once=True)})
    for answer in (await tasks.run("e", run_task("x:do")), tasks.told_at_once(run_task("y:do"))):
        assert isinstance(answer, TaskFailed)
        assert answer.error == "States.Runtime"
        assert "UnicodeEncodeError" in (answer.cause or "")
        assert len((answer.cause or "").encode()) < 2_000
    assert len(caplog.records) == 2


@pytest.mark.parametrize("failure", [HistoryUnreachable("now"), Lost("gone"), Overloaded("many")])
async def test_what_is_to_be_taken_up_again_is_no_failed_task(failure: Exception) -> None:
    with pytest.raises(type(failure)):
        await Tasks({"x": Failing(failure)}).run("e", run_task("x:do"))


async def test_a_cancelled_task_does_not_fail() -> None:
    begun = asyncio.Event()

    class Endless(Echo):
        async def run(self, execution: str, task: RunTask) -> Told:
            begun.set()
            await asyncio.Event().wait()
            raise AssertionError

    running = asyncio.create_task(Tasks({"x": Endless()}).run("e", run_task("x:do")))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def state(resource: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **more}


def test_what_nobody_serves_is_named_with_its_place() -> None:
    inner = {"StartAt": "I", "States": {"I": state("arn:aws:states:::batch:submitJob.sync")}}
    definition = {
        "States": {
            "Fine": state("arn:aws:states:::lambda:invoke.waitForTaskToken"),
            "Pattern": state("arn:aws:states:::sqs:sendMessage.sync"),
            "Sdk": state(f"{SDK}:s3:getObject"),
            "Typo": state("arn:aws:states:::sqz:sendMessage"),
            "Word": state("charge"),
            "Map": {"Type": "Map", "ItemProcessor": inner},
            "Both": {"Type": "Parallel", "Branches": [{"States": {}}, inner]},
        }
    }
    found = {problem.path: problem.message for problem in unsupported(definition)}
    assert found.keys() == {
        "/States/Pattern/Resource",
        "/States/Sdk/Resource",
        "/States/Typo/Resource",
        "/States/Word/Resource",
        "/States/Map/ItemProcessor/States/I/Resource",
        "/States/Both/Branches[1]/States/I/Resource",
    }
    assert "integration pattern '.sync'" in found["/States/Pattern/Resource"]
    assert "aws-sdk:s3:getObject is not supported here" in found["/States/Sdk/Resource"]
    assert "is not recognized" in found["/States/Typo/Resource"]
    assert unsupported(definition, mocked=True) == []


@pytest.mark.parametrize("definition", [None, [], {}, {"States": 1}, {"States": {"S": 1, "T": {"Branches": 1}}}])
def test_a_malformed_definition_is_somebody_elses_problem(definition: Any) -> None:
    assert unsupported(definition) == []


def test_the_api_of_step_functions_is_asked_and_answers_in_the_sdks_names() -> None:
    task = run_task(f"{SDK}:sfn:startExecution", {"StateMachineArn": "a", "Input": {"x": 1}})
    request = request_of("http://sfn", task)
    assert request.headers["X-Amz-Target"] == "AWSStepFunctions.StartExecution"
    assert request == request_of("http://sfn", task)
    assert b'"input":"{\\"x\\":1}"' in (request.body or b"")
    answer = WebAnswer(200, "OK", (), b'{"executionArn": "e", "startDate": 0.5, "tags": [{"key": "k"}]}')
    expected = {"ExecutionArn": "e", "StartDate": "1970-01-01T00:00:00.500Z", "Tags": [{"Key": "k"}]}
    assert told(task, answer) == TaskSucceeded(7, expected)
    refused = WebAnswer(400, "Bad Request", (("x-amzn-RequestId", "r"),), b'{"__type": "InvalidArn", "message": "no"}')
    cause = "no (Service: Sfn, Status Code: 400, Request ID: r)"
    assert told(task, refused) == TaskFailed(7, "Sfn.InvalidArnException", cause)


PAYLOAD = {"OrderId": 7, "Customer": {"FirstName": "A", "DueDate": 1700000000}, "StartDate": 1e18}


@pytest.mark.parametrize(
    ("operation", "given_member", "member"),
    [
        ("startExecution", "Input", "input"),
        ("startSyncExecution", "Input", "input"),
        ("sendTaskSuccess", "Output", "output"),
        ("createStateMachine", "Definition", "definition"),
        ("testState", "Context", "context"),
    ],
)
def test_a_payload_is_written_out_as_it_is(operation: str, given_member: str, member: str) -> None:
    asked = orjson.loads(
        request_of("http://sfn", run_task(f"{SDK}:sfn:{operation}", {given_member: PAYLOAD})).body or b""
    )
    assert orjson.loads(asked[member]) == PAYLOAD


def test_the_members_of_a_request_have_the_apis_names_at_any_depth() -> None:
    parameters = {
        "Name": "m",
        "Tags": [{"Key": "Team", "Value": "Lab"}],
        "LoggingConfiguration": {"Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": "a"}}]},
        "Input": "text",
        "TracingConfiguration": None,
    }
    asked = orjson.loads(request_of("http://sfn", run_task(f"{SDK}:sfn:createStateMachine", parameters)).body or b"")
    assert asked == {
        "name": "m",
        "tags": [{"key": "Team", "value": "Lab"}],
        "loggingConfiguration": {"destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": "a"}}]},
        "input": "text",
        "tracingConfiguration": None,
    }


def test_an_instant_that_is_none_is_told_as_it_came() -> None:
    task = run_task(f"{SDK}:sfn:describeExecution", {})
    assert told(task, WebAnswer(200, "OK", (), b'{"startDate": 1e18}')) == TaskSucceeded(7, {"StartDate": 1e18})


def test_settings_have_awss_names_and_fall_back_to_the_common_endpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://lambda")
    monkeypatch.setenv("LAB_HTTP_CONNECTIONS", '{"Stripe": {"Headers": {"a": "b"}}}')
    settings = TaskSettings()
    assert (settings.lambda_endpoint, settings.sfn_endpoint) == ("http://lambda", "http://all")
    assert settings.connections == {"Stripe": {"Headers": {"a": "b"}}}
    assert settings.mocks.cases == {}
    settings.check()
    (tmp_path / "mocks.json").write_text("{}")
    monkeypatch.setenv("SFN_MOCK_CONFIG", str(tmp_path / "mocks.json"))
    with pytest.raises(MockFileInvalid, match="StateMachines"):
        TaskSettings().check()
