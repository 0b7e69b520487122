"""Parameters that an integration does not take end the execution before anything is scheduled."""

from typing import Any

import pytest

from tests.unit.asl.world import failure_of, output_of, single, succeeding, world

INVOKE = "arn:aws:states:::lambda:invoke"


def task(resource: str, parameters: Any) -> dict[str, Any]:
    return single(Type="Task", Resource=resource, Parameters=parameters)


@pytest.mark.parametrize(
    ("resource", "parameters", "problems"),
    [
        (INVOKE, {"Payload": 1}, "The field 'FunctionName' is required but was missing"),
        (
            f"{INVOKE}.waitForTaskToken",
            {"FunctionName": "f", "TaskToken.$": "$"},
            'The field "TaskToken" is not supported by Step Functions',
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            {"Machine": "m"},
            "The field 'StateMachineArn' is required but was missing, "
            'The field "Machine" is not supported by Step Functions',
        ),
    ],
)
def test_a_wrong_field_is_a_runtime_error(resource: str, parameters: dict[str, Any], problems: str) -> None:
    error, cause = failure_of(task(resource, parameters))
    assert error == "States.Runtime"
    assert str(cause).startswith("An error occurred while executing the state 'S' (entered at the event id #2). ")
    assert f"could not be used to start the Task: [{problems}]" in str(cause)
    made = world(task(resource, parameters)).run()
    assert made.types == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


def test_what_is_allowed_or_unknown_is_scheduled() -> None:
    for resource, parameters in (
        (INVOKE, {"FunctionName": "f", "Payload": {"any": 1}}),
        ("arn:aws:states:::dynamodb:getItem", {"Any": 1}),
        ("arn:aws:lambda:us-east-1:0:function:f", {"Any": 1}),
        ("http://payment/charges", {"Any": 1}),
    ):
        assert output_of(task(resource, parameters), answer=succeeding(1)) == 1
