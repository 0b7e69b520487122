"""Requests that no SDK sends: each gets an error of AWS's, never an exception, and nothing is stored."""

import json
from typing import Any, cast

import orjson
import pytest
from nats.aio.client import Client

from orchestration.api.app import api_services, handlers
from orchestration.api.protocol import Handlers, answer
from services.settings import Settings

DEEP = 10_000
ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.fixture(scope="module")
def table() -> Handlers:
    return handlers(api_services(Settings(component="api"), cast(Client, None), {}))


async def posted(table: Handlers, body: bytes, target: str = "AWSStepFunctions.CreateStateMachine") -> tuple[int, str]:
    told = await answer(table, target, body)
    return told.status_code, orjson.loads(told.body).get("__type", "")


def create(**more: Any) -> bytes:
    return json.dumps({"name": "m", "roleArn": ROLE, "definition": "{}", **more}).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "ValidationException"),
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"null", "SerializationException"),
        (b'{"name": "\xff"}', "SerializationException"),
        (b'{"name": "\\ud800"}', "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (create(name=1), "SerializationException"),
        (create(name=["m"]), "SerializationException"),
        (create(name={"a": 1}), "SerializationException"),
        (create(publish="yes"), "SerializationException"),
        (create(tags={}), "SerializationException"),
        (create(tags=[1]), "SerializationException"),
        (create(name=None), "ValidationException"),
        (create(name=""), "ValidationException"),
        (create(name="a\x00b"), "InvalidName"),
        (create(name="a\nb"), "InvalidName"),
        (create(name="*"), "InvalidName"),
        (create(name=">"), "InvalidName"),
        (create(roleArn="role"), "InvalidArn"),
        (create(loggingConfiguration={"level": "ALL"}), "InvalidLoggingConfiguration"),
        (create(loggingConfiguration={"destinations": [{}]}), "InvalidLoggingConfiguration"),
        (create(encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY"}), "InvalidEncryptionConfiguration"),
        (create(tags=[{}]), "ValidationException"),
        (create(versionDescription="v"), "ValidationException"),
        (create(definition="not JSON"), "InvalidDefinition"),
        (create(definition="[]"), "InvalidDefinition"),
        (create(definition='{"a":' * DEEP), "InvalidDefinition"),
        (create(definition='{"a":' * DEEP + "1" + "}" * DEEP), "InvalidDefinition"),
        (create(definition="[" * DEEP + "]" * DEEP), "InvalidDefinition"),
    ],
)
async def test_a_wrong_body_is_told_in_the_words_of_aws(table: Handlers, body: bytes, code: str) -> None:
    assert await posted(table, body) == (400, code)


@pytest.mark.parametrize("target", ["", "CreateStateMachine", "AWSStepFunctions.Nonsense", "DynamoDB.GetItem"])
async def test_an_unknown_operation_is_told(table: Handlers, target: str) -> None:
    assert await posted(table, b"{}", target) == (400 if target else 404, "UnknownOperationException")


@pytest.mark.parametrize("number", ["1.5", "1e999", "-1e999", "99999999999999999999", "true", '"1"'])
async def test_a_number_that_is_none_is_told(table: Handlers, number: str) -> None:
    status, code = await posted(table, f'{{"maxResults": {number}}}'.encode(), "AWSStepFunctions.ListStateMachines")
    assert (status, code) in ((400, "SerializationException"), (400, "ValidationException"))


def state_request(state: dict[str, Any]) -> bytes:
    return json.dumps({"definition": json.dumps(state), "roleArn": ROLE, "inspectionLevel": "TRACE"}).encode()


async def test_a_tested_state_that_is_nested_too_deep_is_no_definition(table: Handlers) -> None:
    nested: Any = 1
    for _ in range(300):
        nested = [nested]
    state = {"Type": "Pass", "Result": nested, "End": True}
    assert await posted(table, state_request(state), "AWSStepFunctions.TestState") == (400, "InvalidDefinition")


@pytest.mark.parametrize("query", ["abc", ["a"], 5, {"a": "b"}, None])
async def test_a_call_is_shown_whatever_its_query(table: Handlers, query: Any) -> None:
    parameters = {"ApiEndpoint": "http://a.b/c", "Method": "GET", "QueryParameters": query}
    connection = {"ConnectionArn": "arn:aws:events:us-east-1:000000000000:connection/x/y"}
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {**parameters, "Authentication": connection},
        "End": True,
    }
    told = await answer(table, "AWSStepFunctions.TestState", state_request(state))
    shown = orjson.loads(told.body)
    assert (told.status_code, shown["status"]) == (200, "FAILED")
    assert shown["inspectionData"]["request"]["url"] == ("http://a.b/c?a=b" if query == {"a": "b"} else "http://a.b/c")
