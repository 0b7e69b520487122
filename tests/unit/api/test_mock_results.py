"""A mocked result is checked against AWS's model of the call that it stands for."""

from typing import Any

import pytest

from orchestration.api.errors import ApiError
from orchestration.api.mock_results import check_result

ARN = "arn:aws:states:::"


def problem(resource: str, result: Any, mode: str = "STRICT") -> str | None:
    try:
        check_result(f"{ARN}{resource}", result, mode)
    except ApiError as error:
        return error.message.removeprefix("Mock result schema validation error: ")
    return None


@pytest.mark.parametrize(
    ("resource", "result", "expected"),
    [
        ("sqs:sendMessage", {"MessageId": "1"}, None),
        ("sqs:sendMessage", {"MessageId": 1}, "Field 'MessageId' must be a string"),
        ("sqs:sendMessage", [], "Result must be an object"),
        ("aws-sdk:sfn:describeExecution", {"Status": True}, "Field 'ExecutionArn' is required"),
        ("states:startExecution", {"ExecutionArn": "a", "StartDate": "2024-01-15T12:00:00"}, None),
        ("states:startExecution", {"ExecutionArn": "a", "StartDate": 1}, "Field 'StartDate' must be a string"),
        ("states:startExecution.sync:2", {"Output": {}}, "Field 'ExecutionArn' is required"),
        ("aws-sdk:eventbridge:putEvents", {"FailedEntryCount": "0"}, "Field 'FailedEntryCount' must be a number"),
        ("aws-sdk:dynamodb:getItem", {"Item": {"a": {"BOOL": "true"}}}, "Field 'BOOL' must be a boolean"),
        ("aws-sdk:dynamodb:getItem", {"Item": {"a": {"S": "x"}}, "Newer": 1}, None),
        ("lambda:invoke", {"Payload": {}}, "Field 'Payload' must be a string"),
        ("lambda:invoke.waitForTaskToken", {"Payload": {}}, None),
        ("apigateway:invoke", {"approval": True}, None),
        ("http:invoke", 1, None),
        ("aws-sdk:nothing:atAll", 1, None),
        ("aws-sdk:sqs:noSuchCall", 1, None),
        ("glue:startJobRun.sync", 1, None),
    ],
)
def test_the_first_field_that_is_wrong_is_told(resource: str, result: Any, expected: str | None) -> None:
    assert problem(resource, result) == expected


def test_present_wants_no_field_and_none_checks_nothing() -> None:
    assert problem("aws-sdk:sfn:describeExecution", {}, "PRESENT") is None
    assert problem("aws-sdk:sfn:describeExecution", {"Status": 1}, "PRESENT") == "Field 'Status' must be a string"
    assert problem("aws-sdk:sfn:describeExecution", {"Status": 1}, "NONE") is None
