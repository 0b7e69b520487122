"""What can be seen of executions over HTTP, beside AWS's API: lists, what waits, stories and graphs."""

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import free_port
from tests.integration.orchestration.step_functions import StepFunctions, create, ended, step_functions, until

pytestmark = pytest.mark.more

ROOT_OF_ALL = "arn:aws:states:us-east-1:000000000000"
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 99_000, "MaxAttempts": 1}]
UNREACHABLE = {"Type": "Task", "Resource": "http://payment/charges", "Retry": RETRY, "End": True}
BOTH = {
    "Both": {
        "Type": "Parallel",
        "Next": "Done",
        "Branches": [
            {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "Result": 1, "End": True}}},
            {"StartAt": "Right", "States": {"Right": {"Type": "Wait", "Seconds": 1, "End": True}}},
        ],
    },
    "Done": {"Type": "Succeed", "Comment": "undo of Both: not really"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepFunctions]:
    folder = tmp_path_factory.mktemp("visibility")
    environment = {
        "LAB_READ_MODEL_URL": f"sqlite:///{folder}/read-model.db",
        "LAB_PAYMENT_URL": f"http://127.0.0.1:{free_port()}",
    }
    with step_functions(folder, environment) as started:
        yield started


def get(running: StepFunctions, path: str, **query: Any) -> Any:
    url = f"{running.endpoint}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def status_of(running: StepFunctions, path: str) -> int:
    try:
        with urllib.request.urlopen(running.endpoint + path, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def started(running: StepFunctions, states: dict[str, Any], name: str) -> tuple[str, str]:
    sfn = running.client()
    machine = f"{name}-{uuid.uuid4().hex[:8]}"
    arn = create(sfn, machine, states)
    return machine, sfn.start_execution(stateMachineArn=arn, name=name, input='{"a": 1}')["executionArn"]


def test_an_execution_is_told_entry_by_entry_with_its_graph(running: StepFunctions) -> None:
    machine, arn = started(running, BOTH, "both")
    ended(running.client(), arn)
    told = get(running, f"/executions/{arn}")
    assert (told["execution"]["status"], told["execution"]["machine"], told["whole"]) == ("SUCCEEDED", machine, True)
    entries = {entry["state"]: entry for entry in told["entries"]}
    assert {name: entry["status"] for name, entry in entries.items()} == dict.fromkeys(
        ("Both", "Left", "Right", "Done"), "succeeded"
    )
    assert (entries["Both"]["input"], entries["Both"]["output"]) == ({"a": 1}, [1, {"a": 1}])
    assert {entries[name]["inside"] for name in ("Left", "Right")} == {entries["Both"]["id"]}
    assert [entries[name]["undoes"] for name in ("Both", "Done")] == [None, "Both"]
    assert told["graph"] == get(running, f"/machines/{machine}/graph")
    assert [group["id"] for group in told["graph"]["groups"]] == ["Both/0", "Both/1"]

    without = get(running, f"/executions/{told['execution']['token']}", data=False, limit=1)
    (first,) = without["entries"]
    assert (first["input"], without["whole"], without["next"]) == (None, False, first["id"])
    rest = get(running, f"/executions/{arn}", after=first["id"])
    assert [entry["state"] for entry in rest["entries"]] == [entry["state"] for entry in told["entries"][1:]]


def test_what_waits_is_told_with_what_for_and_since_when(running: StepFunctions) -> None:
    _, waits = started(running, {"Nap": {"Type": "Wait", "Seconds": 90_000_000, "End": True}}, "naps")
    _, retries = started(running, {"Call": UNREACHABLE}, "calls")

    def waiting(kind: str) -> dict[str, Any]:
        return {row["arn"]: row for row in get(running, "/executions", waiting=kind)["executions"]}

    napping = until(lambda: waiting("timer"), lambda found: waits in found)[waits]
    assert (napping["state"], napping["status"]) == ("Nap", "RUNNING")
    assert napping["started_at"] <= napping["since"] < napping["until"]
    retrying = until(lambda: waiting("retry"), lambda found: retries in found)[retries]
    assert retrying["state"] == "Call"
    assert retrying["error"]
    assert {waits, retries} <= waiting("any").keys()
    assert get(running, "/executions", stuck_for_s=3600)["executions"] == []


def test_lists_hold_what_was_started_just_now_and_outlive_a_kill(running: StepFunctions) -> None:
    arns = [started(running, {"Go": {"Type": "Pass", "End": True}}, "goes")[1] for _ in range(3)]
    listed = [row["arn"] for row in get(running, "/executions", limit=3)["executions"]]
    assert listed == arns[::-1]
    running.kill("api")
    running.endpoint = running.launch("api")
    assert [row["arn"] for row in get(running, "/executions", limit=3)["executions"]] == listed


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/executions/nobody", 404),
        ("/executions/a.b", 404),
        (f"/executions/{ROOT_OF_ALL}:execution:none:none", 404),
        ("/machines/none/graph", 404),
        ("/machines/order_fulfilment/graph", 200),
        ("/executions?waiting=bus", 422),
    ],
)
def test_what_is_not_there_is_not_found(running: StepFunctions, path: str, status: int) -> None:
    assert status_of(running, path) == status
