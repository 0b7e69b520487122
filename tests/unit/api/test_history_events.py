"""History events in the API's words, against AWS's own model of them."""

from typing import Any

import orjson
import pytest

from orchestration.api.history import BARE, Frame, details_member, told
from orchestration.api.model import service_model
from orchestration.asl.protocol import HistoryEvent

MODEL = service_model()
MEMBERS: dict[str, Any] = MODEL.shape_for("HistoryEvent").members
TYPES: list[str] = MODEL.shape_for("HistoryEventType").enum


def one(event: HistoryEvent, *, with_data: bool = True, frame: Frame | None = None) -> dict[str, Any]:
    (found,) = told([event], frame or Frame(), with_data=with_data)
    return found


@pytest.mark.parametrize("kind", TYPES)
def test_the_details_of_each_type_stand_where_aws_has_them(kind: str) -> None:
    member = details_member(kind)
    assert (member is None) == (kind in BARE)
    assert member is None or member in MEMBERS


def test_every_type_without_details_is_one_of_awss() -> None:
    assert set(TYPES) >= BARE


def test_payloads_are_json_text_and_say_that_they_are_whole() -> None:
    found = one(HistoryEvent(2, 1, "PassStateEntered", 5.0, {"name": "A", "input": {"x": [1, None]}}))
    assert found == {
        "timestamp": 5.0,
        "type": "PassStateEntered",
        "id": 2,
        "previousEventId": 1,
        "stateEnteredEventDetails": {"name": "A", "input": '{"x":[1,null]}', "inputDetails": {"truncated": False}},
    }


def test_a_payload_that_is_null_is_told() -> None:
    details = one(HistoryEvent(9, 8, "ExecutionSucceeded", 5.0, {"output": None}))["executionSucceededEventDetails"]
    assert details["output"] == "null"


def test_assigned_variables_are_json_text_each() -> None:
    found = one(HistoryEvent(3, 2, "PassStateExited", 5.0, {"name": "A", "output": 1, "assignedVariables": {"v": "s"}}))
    details = found["stateExitedEventDetails"]
    assert details["assignedVariables"] == {"v": '"s"'}
    assert orjson.loads(details["assignedVariables"]["v"]) == "s"


def test_without_data_only_the_payloads_are_left_out() -> None:
    scheduled = HistoryEvent(3, 2, "TaskScheduled", 5.0, {"resource": "invoke", "parameters": {"a": 1}, "region": "r"})
    assert one(scheduled, with_data=False)["taskScheduledEventDetails"] == {"resource": "invoke", "region": "r"}
    failed = HistoryEvent(4, 3, "TaskFailed", 5.0, {"error": "E", "cause": "c"})
    assert one(failed, with_data=False)["taskFailedEventDetails"] == {"error": "E", "cause": "c"}


def test_the_first_event_tells_the_role_and_what_was_started() -> None:
    started = HistoryEvent(1, 0, "ExecutionStarted", 5.0, {"input": {}})
    details = one(started, frame=Frame("role", "machine:1", "machine:PROD"))["executionStartedEventDetails"]
    assert details["roleArn"] == "role"
    assert details["stateMachineVersionArn"] == "machine:1"
    assert details["stateMachineAliasArn"] == "machine:PROD"


def test_an_execution_that_ran_out_of_its_time_tells_no_error() -> None:
    found = one(HistoryEvent(4, 3, "ExecutionTimedOut", 5.0, {"error": "States.Timeout"}))
    assert found["executionTimedOutEventDetails"] == {}
