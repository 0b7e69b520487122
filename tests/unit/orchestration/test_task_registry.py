"""Which integration serves a resource, what is refused when a machine is created, and what the settings give."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.asl.protocol import RunTask, TaskFailed, TaskSucceeded
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
