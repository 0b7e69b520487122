"""Executions as boto3 sees them: started, stopped, told, listed and redriven."""

import socket
import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from tests.integration.orchestration.step_functions import (
    ROLE,
    StepFunctions,
    create,
    definition_of,
    ended,
    history,
    step_functions,
    until,
)

pytestmark = pytest.mark.more

PASS = {"Greet": {"Type": "Pass", "Result": {"said": "hello"}, "End": True}}
WAITS = {"Wait": {"Type": "Wait", "Seconds": 360_000, "End": True}}
FAILS = {"Refuse": {"Type": "Fail", "Error": "Refused", "Cause": "because"}}
LOOP = {
    "Count": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Enough"},
    "Enough": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericGreaterThan": 20, "Next": "Done"}],
        "Default": "Count",
    },
    "Done": {"Type": "Succeed"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepFunctions]:
    with step_functions(tmp_path_factory.mktemp("sfn")) as started:
        yield started


@pytest.fixture(scope="module")
def sfn(running: StepFunctions) -> Any:
    return running.client()


def refused(error: pytest.ExceptionInfo[ClientError]) -> str:
    found: str = error.value.response["Error"]["Code"]
    return found


def unique(stem: str) -> str:
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def started(sfn: Any, machine: str, given: Any = None, **more: Any) -> str:
    text = orjson.dumps({} if given is None else given).decode()
    arn: str = sfn.start_execution(stateMachineArn=machine, input=text, **more)["executionArn"]
    return arn


def test_an_execution_is_described_from_its_input_to_its_output(sfn: Any) -> None:
    machine = create(sfn, unique("pass"), PASS)
    arn = started(sfn, machine, {"a": 1}, name="first")
    told = ended(sfn, arn)
    assert (told["status"], orjson.loads(told["output"])) == ("SUCCEEDED", {"said": "hello"})
    assert orjson.loads(told["input"]) == {"a": 1}
    assert (told["stateMachineArn"], told["name"], told["executionArn"]) == (machine, "first", arn)
    assert told["startDate"] <= told["stopDate"]
    assert (told["inputDetails"], told["outputDetails"]) == ({"included": True}, {"included": True})
    assert (told["redriveCount"], told["redriveStatus"]) == (0, "NOT_REDRIVABLE")
    assert told["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    without = sfn.describe_execution(executionArn=arn, includedData="METADATA_ONLY")
    assert not {"input", "output"} & without.keys()


def test_a_failed_execution_tells_its_error(sfn: Any) -> None:
    told = ended(sfn, started(sfn, create(sfn, unique("fails"), FAILS)))
    assert (told["status"], told["error"], told["cause"]) == ("FAILED", "Refused", "because")
    assert told["redriveStatus"] == "REDRIVABLE"


def test_a_repeated_start_is_the_same_while_it_runs(sfn: Any) -> None:
    machine = create(sfn, unique("waits"), WAITS)
    first = sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1, "b": 2}')
    again = sfn.start_execution(stateMachineArn=machine, name="one", input='{"b":2,"a":1}')
    assert (first["executionArn"], first["startDate"]) == (again["executionArn"], again["startDate"])
    with pytest.raises(ClientError) as other:
        started(sfn, machine, {"a": 2}, name="one")
    assert refused(other) == "ExecutionAlreadyExists"
    sfn.stop_execution(executionArn=first["executionArn"])
    ended(sfn, first["executionArn"])
    with pytest.raises(ClientError) as closed:
        sfn.start_execution(stateMachineArn=machine, name="one", input='{"a": 1, "b": 2}')
    assert refused(closed) == "ExecutionAlreadyExists"


def test_an_execution_without_a_name_gets_one(sfn: Any) -> None:
    arn = started(sfn, create(sfn, unique("unnamed"), PASS))
    assert uuid.UUID(arn.rpartition(":")[2]).version == 4


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"input": "{not json"}, "InvalidExecutionInput"),
        ({"input": "[" * 5000 + "]" * 5000}, "InvalidExecutionInput"),
        ({"name": "a/b"}, "InvalidName"),
        ({"name": "a\x07b"}, "InvalidName"),
        ({"stateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:nobody"}, "StateMachineDoesNotExist"),
        ({"stateMachineArn": "arn:aws:states:us-east-1:000000000000:execution:a:b"}, "InvalidArn"),
        ({"stateMachineArn": "nonsense"}, "InvalidArn"),
    ],
)
def test_a_start_that_cannot_be_is_refused_by_awss_name(sfn: Any, request_: dict[str, str], code: str) -> None:
    machine = create(sfn, "refuses-starts", PASS)
    with pytest.raises(ClientError) as error:
        sfn.start_execution(**{"stateMachineArn": machine, **request_})
    assert refused(error) == code


def test_a_stopped_execution_is_aborted_with_the_error_given(sfn: Any) -> None:
    arn = started(sfn, create(sfn, unique("stopped"), WAITS))
    sfn.stop_execution(executionArn=arn, error="Enough", cause="of this")
    told = ended(sfn, arn)
    assert (told["status"], told["error"], told["cause"]) == ("ABORTED", "Enough", "of this")
    assert history(sfn, arn)[-1]["executionAbortedEventDetails"] == {"error": "Enough", "cause": "of this"}
    assert sfn.stop_execution(executionArn=arn)["stopDate"] == told["stopDate"]


@pytest.mark.parametrize("ask", ["describe_execution", "stop_execution", "get_execution_history", "redrive_execution"])
@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:states:us-east-1:000000000000:execution:nobody:no", "ExecutionDoesNotExist"),
        ("arn:aws:states:us-east-1:000000000000:express:m:n:r", "InvalidArn"),
        ("nonsense", "InvalidArn"),
    ],
)
def test_what_is_no_execution_here_is_refused_by_awss_name(sfn: Any, ask: str, arn: str, code: str) -> None:
    with pytest.raises(ClientError) as error:
        getattr(sfn, ask)(executionArn=arn)
    assert refused(error) == code


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pages_of_a_history_make_the_whole(sfn: Any, size: int, backwards: bool) -> None:
    machine = create(sfn, "looping", LOOP)
    arn = started(sfn, machine, {"n": 0}, name=unique("run"))
    ended(sfn, arn)
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=arn, reverseOrder=backwards, PaginationConfig={"PageSize": size}
    )
    ids = [event["id"] for page in pages for event in page["events"]]
    count = len(history(sfn, arn))
    assert count > 60
    assert ids == (list(range(count, 0, -1)) if backwards else list(range(1, count + 1)))


def test_a_history_without_data_holds_no_payloads(sfn: Any) -> None:
    arn = started(sfn, create(sfn, unique("private"), PASS), {"secret": "s"})
    ended(sfn, arn)
    assert "secret" in str(history(sfn, arn))
    assert "secret" not in str(history(sfn, arn, includeExecutionData=False))


def test_a_page_token_of_another_list_is_refused(sfn: Any) -> None:
    machine = create(sfn, "looping", LOOP)
    first, other = (started(sfn, machine, {"n": 15}, name=unique("run")) for _ in range(2))
    ended(sfn, first)
    token = sfn.get_execution_history(executionArn=first, maxResults=2)["nextToken"]
    for wrong in (
        {"executionArn": other, "nextToken": token},
        {"executionArn": first, "nextToken": token[:-4] + "AAAA"},
    ):
        with pytest.raises(ClientError) as error:
            sfn.get_execution_history(**wrong)
        assert refused(error) == "InvalidToken"


def test_the_first_event_is_there_as_soon_as_the_execution_is(sfn: Any) -> None:
    arn = started(sfn, create(sfn, unique("early"), WAITS))
    first = history(sfn, arn)[0]
    assert (first["type"], first["id"], first["executionStartedEventDetails"]["roleArn"]) == (
        "ExecutionStarted",
        1,
        ROLE,
    )
    sfn.stop_execution(executionArn=arn)


def test_versions_and_aliases_are_started_and_told(sfn: Any) -> None:
    machine = create(sfn, unique("versioned"), PASS, publish=True)
    version = f"{machine}:1"
    alias = sfn.create_state_machine_alias(
        name="PROD", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}]
    )["stateMachineAliasArn"]
    sfn.update_state_machine(stateMachineArn=machine, definition=definition_of(FAILS))
    by_version, by_alias, plain = (ended(sfn, started(sfn, arn)) for arn in (version, alias, machine))
    assert [told["status"] for told in (by_version, by_alias, plain)] == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
    assert (by_version["stateMachineVersionArn"], by_version.get("stateMachineAliasArn")) == (version, None)
    assert (by_alias["stateMachineVersionArn"], by_alias["stateMachineAliasArn"]) == (version, alias)
    assert "stateMachineVersionArn" not in plain
    told = sfn.describe_state_machine_for_execution(executionArn=by_alias["executionArn"])
    assert list(orjson.loads(told["definition"])["States"]) == ["Greet"]


def test_a_deleted_machines_execution_is_still_told(sfn: Any) -> None:
    machine = create(sfn, unique("deleted"), PASS)
    arn = started(sfn, machine)
    ended(sfn, arn)
    sfn.delete_state_machine(stateMachineArn=machine)
    assert sfn.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
    assert sfn.describe_state_machine_for_execution(executionArn=arn)["stateMachineArn"] == machine


def test_a_synchronous_express_execution_answers_with_its_end(sfn: Any) -> None:
    machine = create(sfn, unique("express"), PASS, type="EXPRESS")
    told = sfn.start_sync_execution(stateMachineArn=machine, name="n", input='{"a": 1}')
    assert (told["status"], orjson.loads(told["output"])) == ("SUCCEEDED", {"said": "hello"})
    assert told["executionArn"].startswith(machine.replace(":stateMachine:", ":express:") + ":n:")
    assert told["billingDetails"] == {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
    failed = sfn.start_sync_execution(stateMachineArn=create(sfn, unique("express"), FAILS, type="EXPRESS"))
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Refused", "because")
    with pytest.raises(ClientError) as error:
        sfn.start_sync_execution(stateMachineArn=create(sfn, unique("standard"), PASS))
    assert refused(error) == "StateMachineTypeNotSupported"


def test_an_asynchronous_express_execution_is_started_each_time(sfn: Any) -> None:
    machine = create(sfn, unique("express"), PASS, type="EXPRESS")
    first, second = (started(sfn, machine, name="same") for _ in range(2))
    assert first != second
    assert ":express:" in first


def test_executions_are_listed_newest_first_by_machine_and_status(sfn: Any) -> None:
    machine = create(sfn, unique("listed"), WAITS)
    arns = [started(sfn, machine, name=f"run-{number}") for number in range(5)]
    sfn.stop_execution(executionArn=arns[0])
    ended(sfn, arns[0])

    def running() -> list[str]:
        pages = sfn.get_paginator("list_executions").paginate(
            stateMachineArn=machine, statusFilter="RUNNING", PaginationConfig={"PageSize": 2}
        )
        return [each["executionArn"] for page in pages for each in page["executions"]]

    assert until(running, lambda found: len(found) == 4) == arns[:0:-1]
    (aborted,) = sfn.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert (aborted["name"], aborted["status"]) == ("run-0", "ABORTED")
    for arn in arns[1:]:
        sfn.stop_execution(executionArn=arn)


def test_a_list_needs_a_machine_that_is_there(sfn: Any) -> None:
    with pytest.raises(ClientError) as error:
        sfn.list_executions(stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:nobody")
    assert refused(error) == "StateMachineDoesNotExist"
    with pytest.raises(ClientError) as neither:
        sfn.list_executions()
    assert refused(neither) == "ValidationException"


def test_a_redriven_execution_goes_on_and_counts(sfn: Any) -> None:
    states = {"First": {"Type": "Pass", "Next": "Then"}, "Then": {"Type": "Fail", "Error": "E"}}
    arn = started(sfn, create(sfn, unique("redriven"), states))
    ended(sfn, arn)
    sfn.redrive_execution(executionArn=arn, clientToken="t-1")
    sfn.redrive_execution(executionArn=arn, clientToken="t-1")
    told = until(
        lambda: sfn.describe_execution(executionArn=arn),
        lambda seen: seen["redriveCount"] and seen["status"] == "FAILED",
    )
    assert told["redriveCount"] == 1
    assert told["redriveDate"] <= told["stopDate"]
    types = [event["type"] for event in history(sfn, arn)]
    assert types.count("ExecutionRedriven") == 1
    assert types.count("PassStateEntered") == 1


def test_what_runs_or_succeeded_cannot_be_redriven(sfn: Any) -> None:
    succeeded = started(sfn, create(sfn, unique("done"), PASS))
    ended(sfn, succeeded)
    waits = started(sfn, create(sfn, unique("waits"), WAITS))
    for arn, status in ((succeeded, "SUCCEEDED"), (waits, "RUNNING")):
        with pytest.raises(ClientError) as error:
            sfn.redrive_execution(executionArn=arn)
        assert refused(error) == "ExecutionNotRedrivable"
        assert f"Execution is {status} and cannot be redriven" in str(error.value)
    sfn.stop_execution(executionArn=waits)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """It takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_an_execution_that_no_conductor_has_told_of_yet_has_a_history(sfn: Any, silent_server: str) -> None:
    # A call under way is told together with its end: what led to it is known all the same.
    parameters = {"ApiEndpoint": silent_server, "Method": "GET"}
    call = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "Parameters": parameters, "End": True}
    arn = started(sfn, create(sfn, unique("calls"), {"Call": call}))
    types = [event["type"] for event in history(sfn, arn)]
    assert types == ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted"]
    first = sfn.get_execution_history(executionArn=arn, maxResults=1)
    assert [event["id"] for event in first["events"]] == [1]
    sfn.stop_execution(executionArn=arn)
    ended(sfn, arn)
    rest = sfn.get_execution_history(executionArn=arn, nextToken=first["nextToken"])["events"]
    assert [event["id"] for event in rest] == list(range(2, len(rest) + 2))
    assert [event["type"] for event in rest[:3]] == types[1:]
    assert rest[-1]["type"] == "ExecutionAborted"
