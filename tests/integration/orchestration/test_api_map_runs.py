"""Map runs as boto3 sees them: described, listed and updated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from tests.integration.orchestration.step_functions import create, ended, step_functions, until

pytestmark = pytest.mark.more

WAITS = {"W": {"Type": "Wait", "Seconds": 99_999_999, "End": True}}
PASSES = {"P": {"Type": "Pass", "End": True}}
FAILS = {"F": {"Type": "Fail", "Error": "E"}}


@pytest.fixture(scope="module")
def sfn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("sfn")
    with step_functions(folder) as started:
        yield started.client()


def each(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    processor = {"ProcessorConfig": config, "StartAt": next(iter(states)), "States": states}
    return {"M": {"Type": "Map", "ItemProcessor": processor, "Label": "each", "End": True, **fields}}


def start(sfn: Any, name: str, states: dict[str, Any], given: Any) -> str:
    machine = create(sfn, name, states)
    text = orjson.dumps(given).decode()
    arn: str = sfn.start_execution(stateMachineArn=machine, input=text)["executionArn"]
    return arn


def map_runs(sfn: Any, execution: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = until(
        lambda: sfn.list_map_runs(executionArn=execution)["mapRuns"], lambda runs: bool(runs)
    )
    return listed


def test_a_map_run_is_listed_and_described(sfn: Any) -> None:
    execution = start(sfn, "described", each(PASSES, ToleratedFailureCount=2, MaxConcurrency=3), [1, 2, 3, 4])
    assert orjson.loads(ended(sfn, execution)["output"]) == [1, 2, 3, 4]
    (run,) = map_runs(sfn, execution)
    assert run["executionArn"] == execution
    told = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (told["status"], told["maxConcurrency"], told["toleratedFailureCount"]) == ("SUCCEEDED", 3, 2)
    assert told["itemCounts"]["succeeded"] == told["executionCounts"]["total"] == 4
    assert told["stopDate"] >= told["startDate"] == run["startDate"]


def test_its_children_are_executions_of_the_labeled_machine(sfn: Any) -> None:
    execution = start(sfn, "children", each(PASSES), ["a"])
    ended(sfn, execution)
    (run,) = map_runs(sfn, execution)
    children = until(
        lambda: sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"], lambda found: len(found) == 1
    )
    child = sfn.describe_execution(executionArn=children[0]["executionArn"])
    assert (child["mapRunArn"], child["status"], child["output"]) == (run["mapRunArn"], "SUCCEEDED", '"a"')
    assert child["stateMachineArn"].endswith(":stateMachine:children/each")
    history = sfn.get_execution_history(executionArn=child["executionArn"])["events"]
    assert [event["type"] for event in history][-1] == "ExecutionSucceeded"


def test_updated_limits_hold(sfn: Any) -> None:
    execution = start(sfn, "updated", each(WAITS, MaxConcurrency=1), [1, 2, 3])
    (run,) = map_runs(sfn, execution)
    arn = run["mapRunArn"]
    until(lambda: sfn.describe_map_run(mapRunArn=arn), lambda told: told["executionCounts"]["running"] == 1)
    sfn.update_map_run(mapRunArn=arn, maxConcurrency=3, toleratedFailurePercentage=50.0)
    told = until(lambda: sfn.describe_map_run(mapRunArn=arn), lambda told: told["executionCounts"]["running"] == 3)
    assert (told["maxConcurrency"], told["toleratedFailurePercentage"]) == (3, 50.0)
    sfn.stop_execution(executionArn=execution)
    told = until(lambda: sfn.describe_map_run(mapRunArn=arn), lambda told: told["status"] == "ABORTED")
    assert told["executionCounts"]["aborted"] == 3


def test_a_failed_map_run_is_redriven_with_its_execution(sfn: Any) -> None:
    execution = start(sfn, "redriven", each(FAILS), [1])
    assert ended(sfn, execution)["error"] == "States.ExceedToleratedFailureThreshold"
    sfn.redrive_execution(executionArn=execution)
    (run,) = map_runs(sfn, execution)
    told = until(lambda: sfn.describe_map_run(mapRunArn=run["mapRunArn"]), lambda told: told["redriveCount"] == 1)
    assert "redriveDate" in told
    assert until(lambda: sfn.describe_execution(executionArn=execution), lambda told: told["status"] == "FAILED")
    types = [event["type"] for event in sfn.get_execution_history(executionArn=execution)["events"]]
    assert "MapRunRedriven" in types


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("arn:aws:states:us-east-1:000000000000:mapRun:m/l:none", "ResourceNotFound"),
        ("arn:aws:states:us-east-1:111111111111:mapRun:m/l:none", "ResourceNotFound"),
        ("arn:aws:states:us-east-1:000000000000:execution:m:e", "InvalidArn"),
        ("none", "InvalidArn"),
    ],
)
def test_an_unknown_map_run_is_told_so(sfn: Any, arn: str, code: str) -> None:
    for call in (
        lambda: sfn.describe_map_run(mapRunArn=arn),
        lambda: sfn.update_map_run(mapRunArn=arn, maxConcurrency=1),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == code


def test_the_map_runs_of_an_unknown_execution(sfn: Any) -> None:
    with pytest.raises(ClientError) as refused:
        sfn.list_map_runs(executionArn="arn:aws:states:us-east-1:000000000000:execution:m:none")
    assert refused.value.response["Error"]["Code"] == "ExecutionDoesNotExist"
