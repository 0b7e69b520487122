"""Tasks of every integration, from CreateStateMachine to the end: real processes, broker and HTTP servers."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.connection import close, connect
from broker.read import Record, all_of
from orchestration.tasks.posting import DETAILS, STREAM
from tests.conftest import RealNats
from tests.integration.orchestration.step_functions import StepFunctions, create, ended, history, step_functions, until

pytestmark = pytest.mark.more

MOCKS = {
    "StateMachines": {
        "mocked": {
            "TestCases": {
                "Flaky": {"Call": "FlakyCall", "Job": "DoneJob"},
                "Loses": {"Call": "FlakyCall", "Job": "LostJob"},
                "Alone": {"Call": "FlakyCall"},
            }
        },
        "loop": {"TestCases": {"Twice": {"Each": "Counted"}}},
    },
    "MockedResponses": {
        "FlakyCall": {"0-1": {"Throw": {"Error": "Busy", "Cause": "later"}}, "2": {"Return": {"n": 3}}},
        "DoneJob": {"0": {"Return": {"JobId": "j"}}},
        "LostJob": {"0": {"Throw": {"Error": "Batch.Lost", "Cause": ""}}},
        "Counted": {"0": {"Return": {"i": 0}}, "1": {"Return": {"i": 1}}, "2": {"Return": {"i": 2}}},
    },
}
FUNCTIONS = """
def double(event, context):
    return {"doubled": 2 * event["n"], "state": context.state}

def breaks(event, context):
    raise KeyError("gone")

FUNCTIONS = {"double": double, "breaks": breaks}
"""


class Emulator(BaseHTTPRequestHandler):
    """Lambda's Invoke API, and an HTTP API of its own."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/functions/adds/invocations"):
            self._answer(200, {"sum": sum(orjson.loads(body)["of"])})
        elif self.path.endswith("/functions/breaks/invocations"):
            told = {"errorType": "ValueError", "errorMessage": "no"}
            self._answer(200, told, {"X-Amz-Function-Error": "Unhandled"})
        elif self.path.startswith("/api/"):
            self._answer(200, {"got": orjson.loads(body)})
        else:
            self._answer(404, {"Message": "Function not found"}, {"x-amzn-ErrorType": "ResourceNotFoundException"})

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = orjson.dumps(content)
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@contextlib.contextmanager
def emulator() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Emulator)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    with emulator() as url:
        yield url


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, outside: str) -> Iterator[StepFunctions]:
    folder: Path = tmp_path_factory.mktemp("tasks")
    (folder / "mocks.json").write_bytes(orjson.dumps(MOCKS))
    (folder / "task_functions.py").write_text(FUNCTIONS)
    environment = {
        "SFN_MOCK_CONFIG": str(folder / "mocks.json"),
        "AWS_ENDPOINT_URL_LAMBDA": outside,
        "LAB_PYTHON_TASKS": "task_functions:FUNCTIONS",
        "PYTHONPATH": f"{folder}:{Path(__file__).parents[3]}",
    }
    with step_functions(folder, environment) as started:
        environment["AWS_ENDPOINT_URL_SFN"] = started.endpoint
        started.kill("conductor-1")
        started.launch("conductor-2")
        yield started


@pytest.fixture(scope="module")
def sfn(running: StepFunctions) -> Any:
    return running.client()


def task(resource: str, parameters: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if parameters is None else {"Parameters": parameters}
    return {"Type": "Task", "Resource": resource, **given, **({"End": True} if "Next" not in more else {}), **more}


def result(sfn: Any, machine: str, given: Any = None, case: str = "") -> dict[str, Any]:
    arn = f"{machine}#{case}" if case else machine
    started = sfn.start_execution(stateMachineArn=arn, input=orjson.dumps({} if given is None else given).decode())
    told: dict[str, Any] = ended(sfn, started["executionArn"])
    return told


def output(told: dict[str, Any]) -> Any:
    assert told["status"] == "SUCCEEDED", (told.get("error"), told.get("cause"))
    return orjson.loads(told["output"])


def posts(nats: RealNats, subject: str) -> list[Record]:
    async def read() -> list[Record]:
        client = await connect(nats.url, user=nats.user, password=nats.password, name="reader")
        found = await all_of(client, STREAM, subject)
        await close(client)
        return found

    return asyncio.run(read())


def test_a_function_is_invoked_by_its_arn_and_by_its_name(sfn: Any) -> None:
    function = "arn:aws:lambda:us-east-1:000000000000:function:adds"
    by_arn = create(sfn, "by-arn", {"Add": task(function)})
    assert output(result(sfn, by_arn, {"of": [1, 2]})) == {"sum": 3}
    parameters = {"FunctionName": "adds", "Payload.$": "$"}
    by_name = create(sfn, "by-name", {"Add": task("arn:aws:states:::lambda:invoke", parameters)})
    answer = output(result(sfn, by_name, {"of": [4, 5]}))
    assert (answer["StatusCode"], answer["Payload"], answer["ExecutedVersion"]) == (200, {"sum": 9}, "$LATEST")


def test_what_a_function_raises_is_the_error_and_what_is_missing_is_lambdas(sfn: Any) -> None:
    machine = create(sfn, "raises", {"Call": task("arn:aws:states:::lambda:invoke", {"FunctionName": "breaks"})})
    told = result(sfn, machine)
    assert (told["status"], told["error"]) == ("FAILED", "ValueError")
    assert orjson.loads(told["cause"]) == {"errorType": "ValueError", "errorMessage": "no"}
    machine = create(sfn, "missing", {"Call": task("arn:aws:states:::lambda:invoke", {"FunctionName": "absent"})})
    assert result(sfn, machine)["error"] == "Lambda.ResourceNotFoundException"


def test_any_http_api_is_called(sfn: Any, outside: str) -> None:
    parameters = {"ApiEndpoint": f"{outside}/api/orders", "Method": "POST", "RequestBody": {"a": 1}}
    machine = create(sfn, "http", {"Call": task("arn:aws:states:::http:invoke", parameters)})
    answer = output(result(sfn, machine))
    assert (answer["StatusCode"], answer["StatusText"], answer["ResponseBody"]) == (200, "OK", {"got": {"a": 1}})
    parameters["ApiEndpoint"] = f"{outside}/nowhere"
    machine = create(sfn, "http-404", {"Call": task("arn:aws:states:::http:invoke", parameters)})
    assert result(sfn, machine)["error"] == "States.Http.StatusCode.404"


def test_a_child_is_started_and_left_alone_or_waited_for(sfn: Any) -> None:
    child = create(sfn, "child", {"Pass": {"Type": "Pass", "End": True}})
    parameters = {"StateMachineArn": child, "Input.$": "$"}
    plain = create(sfn, "plain", {"Start": task("arn:aws:states:::states:startExecution", parameters)})
    answer = output(result(sfn, plain, {"x": 1}))
    assert output(ended(sfn, answer["ExecutionArn"])) == {"x": 1}
    waits = create(sfn, "waits", {"Start": task("arn:aws:states:::states:startExecution.sync", parameters)})
    told = result(sfn, waits, {"x": 2})
    answer = output(told)
    assert (answer["Status"], answer["Output"], answer["StateMachineArn"]) == ("SUCCEEDED", '{"x":2}', child)
    types = [event["type"] for event in history(sfn, told["executionArn"])]
    assert types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    waits = create(sfn, "waits-2", {"Start": task("arn:aws:states:::states:startExecution.sync:2", parameters)})
    assert output(result(sfn, waits, {"x": 3}))["Output"] == {"x": 3}


def test_a_failing_child_fails_its_caller_with_its_description(sfn: Any) -> None:
    child = create(sfn, "fails", {"Fail": {"Type": "Fail", "Error": "Oops", "Cause": "why"}})
    waits = create(
        sfn, "waits-fail", {"Start": task("arn:aws:states:::states:startExecution.sync", {"StateMachineArn": child})}
    )
    told = result(sfn, waits)
    assert (told["status"], told["error"]) == ("FAILED", "States.TaskFailed")
    cause = orjson.loads(told["cause"])
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("Oops", "why", "FAILED")


def test_a_child_is_stopped_when_nobody_waits_for_its_end_any_more(sfn: Any) -> None:
    child = create(sfn, "sleeps", {"Wait": {"Type": "Wait", "Seconds": 3600_00, "End": True}})
    start = "arn:aws:states:::states:startExecution.sync"
    waits = create(sfn, "stopped", {"Start": task(start, {"StateMachineArn": child, "Name": "one"})})
    arn = sfn.start_execution(stateMachineArn=waits)["executionArn"]
    until(lambda: history(sfn, arn)[-1]["type"], lambda last: last == "TaskSubmitted")
    sfn.stop_execution(executionArn=arn)
    first = child.replace(":stateMachine:", ":execution:")
    assert ended(sfn, f"{first}:one")["status"] == "ABORTED"
    hurries = {"Start": task(start, {"StateMachineArn": child, "Name": "two"}, TimeoutSeconds=50)}
    assert result(sfn, create(sfn, "hurries", hurries))["error"] == "States.Timeout"
    assert ended(sfn, f"{first}:two")["status"] == "ABORTED"


def test_a_child_that_cannot_be_started_is_step_functions_error(sfn: Any) -> None:
    child = "arn:aws:states:us-east-1:000000000000:stateMachine:absent"
    parameters = {"StateMachineArn": child}
    machine = create(sfn, "no-child", {"Start": task("arn:aws:states:::states:startExecution", parameters)})
    told = result(sfn, machine)
    assert told["error"] == "StepFunctions.StateMachineDoesNotExistException"
    assert "Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist" in told["cause"]


def test_a_callback_in_a_message_ends_its_state(sfn: Any, running: StepFunctions) -> None:
    parameters = {"QueueUrl": "https://sqs/0/jobs", "MessageBody": {"token.$": "$$.Task.Token"}}
    machine = create(sfn, "asks", {"Ask": task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", parameters)})
    arn = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    until(lambda: history(sfn, arn)[-1]["type"], lambda last: last == "TaskSubmitted")
    (message,) = posts(running.nats, "aws.sqs.jobs")
    sfn.send_task_success(taskToken=orjson.loads(message.body)["token"], output='{"done": true}')
    assert output(ended(sfn, arn)) == {"done": True}


def test_messages_and_events_arrive_in_their_subjects(sfn: Any, running: StepFunctions) -> None:
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": {"n": 1}, "EventBusName": "sales"}
    machine = create(
        sfn,
        "tells",
        {
            "Notify": task(
                "arn:aws:states:::sns:publish",
                {"TopicArn": "arn:aws:sns:us-east-1:000000000000:news", "Message": "hello"},
                Next="Put",
            ),
            "Put": task("arn:aws:states:::events:putEvents", {"Entries": [entry]}),
        },
    )
    told = result(sfn, machine)
    assert output(told)["FailedEntryCount"] == 0
    (news,) = posts(running.nats, "aws.sns.news")
    assert (news.body, "MessageId" in orjson.loads(news.headers[DETAILS])) == (b"hello", True)
    (event,) = posts(running.nats, "aws.events.sales")
    body = orjson.loads(event.body)
    assert (body["detail"], body["source"], body["resources"]) == ({"n": 1}, "shop", [machine, told["executionArn"]])


def test_python_functions_are_tasks(sfn: Any) -> None:
    machine = create(sfn, "python", {"Double": task("python:double")})
    assert output(result(sfn, machine, {"n": 21})) == {"doubled": 42, "state": "Double"}
    machine = create(sfn, "python-breaks", {"Break": task("python:breaks")})
    told = result(sfn, machine)
    assert (told["error"], orjson.loads(told["cause"])["errorMessage"]) == ("KeyError", "'gone'")


def test_the_api_itself_is_a_task(sfn: Any) -> None:
    resource = "arn:aws:states:::aws-sdk:sfn:describeStateMachine"
    machine = create(sfn, "tells-itself", {"Describe": task(resource, {"StateMachineArn.$": "$.arn"})})
    answer = output(result(sfn, machine, {"arn": machine}))
    assert (answer["Name"], answer["StateMachineArn"]) == ("tells-itself", machine)
    assert answer["CreationDate"].endswith("Z")
    told = result(sfn, machine, {"arn": f"{machine}-absent"})
    assert told["error"] == "Sfn.StateMachineDoesNotExistException"


def mocked(sfn: Any) -> str:
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 3}]
    states = {
        "Call": task("arn:aws:states:::dynamodb:getItem", {}, Retry=retry, Next="Job"),
        "Job": task("arn:aws:states:::batch:submitJob.sync", {}),
    }
    return create(sfn, "mocked", states)


def test_a_mock_file_answers_by_the_number_of_the_call(sfn: Any) -> None:
    machine = mocked(sfn)
    told = result(sfn, machine, case="Flaky")
    assert output(told) == {"JobId": "j"}
    types = [event["type"] for event in history(sfn, told["executionArn"])]
    assert types.count("TaskFailed") == 2
    assert types[-5:-2] == ["TaskStarted", "TaskSubmitted", "TaskSucceeded"]
    told = result(sfn, machine, case="Loses")
    assert (told["error"], "cause" in told) == ("Batch.Lost", False)
    told = result(sfn, machine, case="Alone")
    assert (told["error"], "batch:submitJob" in told["cause"]) == ("States.Runtime", True)


def test_calls_are_counted_over_the_iterations_of_a_map_and_across_a_kill(sfn: Any, running: StepFunctions) -> None:
    each = {"StartAt": "Each", "States": {"Each": task("arn:aws:states:::glue:getTable", {}, Next="Pause")}}
    each["States"]["Pause"] = {"Type": "Wait", "Seconds": 100, "End": True}
    machine = create(
        sfn,
        "loop",
        {"Loop": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 1, "ItemProcessor": each, "End": True}},
    )
    arn = sfn.start_execution(stateMachineArn=f"{machine}#Twice", input='{"items": [1, 2, 3]}')["executionArn"]
    until(lambda: [e["type"] for e in history(sfn, arn)], lambda types: "WaitStateEntered" in types)
    killed = next(name for name in running.processes if name.startswith("conductor"))
    running.kill(killed)
    running.launch(f"conductor-{time.monotonic_ns()}")
    assert output(ended(sfn, arn)) == [{"i": 0}, {"i": 1}, {"i": 2}]
