"""Lambda functions: what is asked of the Invoke API, and what its answers mean."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from orchestration.asl.protocol import TaskFailed, TaskSubmitted, TaskSucceeded
from orchestration.tasks import lambda_function, registry
from orchestration.tasks.lambda_function import LambdaTasks, invocation
from orchestration.tasks.sdk import Invalid
from orchestration.tasks.web import Web
from tests.unit.orchestration.task_samples import EXECUTION, answering, run_task, serving

ARN = "arn:aws:lambda:us-east-1:123456789012:function:pay"
INVOKE = "arn:aws:states:::lambda:invoke"


@pytest.fixture
async def client() -> AsyncIterator[Web]:
    made = Web()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("pay", "pay/invocations"),
        ("pay:live", "pay/invocations?Qualifier=live"),
        (ARN, "pay/invocations"),
        (f"{ARN}:$LATEST", "pay/invocations?Qualifier=%24LATEST"),
        ("123456789012:function:pay:3", "pay/invocations?Qualifier=3"),
        ("123456789012:pay", "pay/invocations"),
        ("function:pay", "pay/invocations"),
    ],
)
def test_a_function_is_named_in_every_way_that_lambda_takes(name: str, path: str) -> None:
    request = invocation("http://l", EXECUTION, run_task(INVOKE, {"FunctionName": name, "Payload": {"a": 1}}))
    assert request.url == f"http://l/2015-03-31/functions/{path}"
    assert (request.method, request.body) == ("POST", b'{"a":1}')


def test_a_functions_arn_gets_the_whole_input_and_the_tasks_key() -> None:
    request = invocation("http://l", EXECUTION, run_task(ARN, {"FunctionName": "x"}))
    assert request.body == b'{"FunctionName":"x"}'
    assert request.headers["Idempotency-Key"] == f"{EXECUTION}:7"
    assert request.headers["X-Amz-Invocation-Type"] == "RequestResponse"


@pytest.mark.parametrize(
    "parameters",
    [{}, {"FunctionName": "a b"}, {"FunctionName": "f", "Paylod": 1}, {"FunctionName": "f", "InvocationType": "x"}, []],
)
def test_wrong_parameters_are_refused(parameters: Any) -> None:
    with pytest.raises(Invalid):
        invocation("http://l", EXECUTION, run_task(INVOKE, parameters or []))


async def test_the_payload_is_the_result_of_an_arn_and_the_whole_answer_that_of_invoke(client: Web) -> None:
    headers = {"X-Amz-Executed-Version": "4", "x-amzn-RequestId": "r-1"}
    async with serving(answering(200, {"ok": True}, headers)) as (url, _):
        tasks = LambdaTasks(client, url)
        assert await tasks.run("e", run_task(ARN)) == TaskSucceeded(7, {"ok": True})
        told = await tasks.run("e", run_task(INVOKE, {"FunctionName": "pay"}))
        assert isinstance(told, TaskSucceeded)
        assert {name: told.output[name] for name in ("ExecutedVersion", "Payload", "StatusCode")} == {
            "ExecutedVersion": "4",
            "Payload": {"ok": True},
            "StatusCode": 200,
        }
        assert told.output["SdkResponseMetadata"] == {"RequestId": "r-1"}
        assert told.output["SdkHttpMetadata"]["AllHttpHeaders"]["X-Amz-Executed-Version"] == ["4"]
        waits = await tasks.run("e", run_task(f"{INVOKE}.waitForTaskToken", {"FunctionName": "pay"}, token="t"))
        assert isinstance(waits, TaskSubmitted)


@pytest.mark.parametrize(
    ("payload", "error", "cause"),
    [
        ({"errorType": "E", "errorMessage": "m"}, "E", '{"errorType": "E", "errorMessage": "m"}'),
        (
            {"errorMessage": "Task timed out"},
            "Lambda.Unknown",
            "The cause could not be determined because Lambda did not return an error type. "
            'Returned payload: {"errorMessage": "Task timed out"}',
        ),
    ],
)
async def test_what_a_function_raises(client: Web, payload: Any, error: str, cause: str) -> None:
    async with serving(answering(200, payload, {"X-Amz-Function-Error": "Unhandled"})) as (url, _):
        assert await LambdaTasks(client, url).run("e", run_task(ARN)) == TaskFailed(7, error, cause)


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (404, {"x-amzn-ErrorType": "ResourceNotFoundException:http://x"}, "Lambda.ResourceNotFoundException"),
        (429, {}, "Lambda.TooManyRequestsException"),
        (500, {"x-amzn-ErrorType": "ServiceException"}, "Lambda.ServiceException"),
        (502, {}, "Lambda.AWSLambdaException"),
    ],
)
async def test_what_lambda_itself_refuses(client: Web, status: int, headers: dict[str, str], error: str) -> None:
    async with serving(answering(status, {"Message": "no"}, {"x-amzn-RequestId": "r", **headers})) as (url, _):
        told = await LambdaTasks(client, url).run("e", run_task(ARN))
    assert isinstance(told, TaskFailed)
    code = error.partition(".")[2]
    details = f"Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: r; Proxy: null"
    assert (told.error, told.cause) == (error, f"no ({details})")


async def test_a_lambda_that_is_not_there_is_a_client_error(client: Web) -> None:
    told = await LambdaTasks(client, "http://127.0.0.1:1").run("e", run_task(ARN))
    assert isinstance(told, TaskFailed)
    assert told.error == "Lambda.SdkClientException"
    told = await LambdaTasks(client, "").run("e", run_task(ARN))
    assert isinstance(told, TaskFailed)
    assert "AWS_ENDPOINT_URL_LAMBDA" in str(told.cause)


async def test_a_task_ends_with_its_timeout(client: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LEAST_TIMEOUT_S", 0.01)
    gone = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    async with serving(hang) as (url, _):
        told = await LambdaTasks(client, url).run("e", run_task(ARN, timeout_s=0.01))
        gone.set()
    assert told == TaskFailed(7, "States.Timeout", None)


async def test_an_answer_that_is_no_json_is_an_error_and_an_empty_one_is_null(client: Web) -> None:
    async def text(request: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>" if "bad" in request.path else "")

    async with serving(text) as (url, _):
        told = await LambdaTasks(client, url).run("e", run_task(f"{ARN}-bad"))
        assert isinstance(told, TaskFailed)
        assert told.error == "Lambda.Unknown"
        assert await LambdaTasks(client, url).run("e", run_task(ARN)) == TaskSucceeded(7, None)


def test_client_context_and_log_type_are_headers() -> None:
    parameters = {"FunctionName": "f", "LogType": "Tail", "ClientContext": "e30=", "InvocationType": "Event"}
    headers = invocation("http://l", EXECUTION, run_task(INVOKE, parameters)).headers
    assert (headers["X-Amz-Log-Type"], headers["X-Amz-Client-Context"]) == ("Tail", "e30=")
    assert headers["X-Amz-Invocation-Type"] == "Event"
    assert orjson.loads(orjson.dumps(dict(headers)))


async def test_no_call_lasts_longer_than_a_function_may(client: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_function, "ANSWER_WITHIN_S", 0.01)
    gone = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    async with serving(hang) as (url, _):
        told = await LambdaTasks(client, url).run("e", run_task(ARN))
        gone.set()
    assert isinstance(told, TaskFailed)
    assert told.error == "Lambda.ClientExecutionTimeoutException"
